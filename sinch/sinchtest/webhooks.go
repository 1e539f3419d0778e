package sinchtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// What Sinch documents for webhooks.
const (
	maxWebhooks   = 5 // for each app
	maxTarget     = 742
	targetHTTP    = "HTTP"
	targetDismiss = "DISMISS"
)

// Triggers are those that Sinch documents for webhooks.
var triggers = []string{
	TriggerInbound, TriggerSubmit, TriggerDelivery, "MESSAGE_INBOUND_SMART_CONVERSATION_REDACTION",
	"EVENT_INBOUND", "EVENT_DELIVERY", "CONVERSATION_START", "CONVERSATION_STOP", "CONVERSATION_DELETE",
	"CONTACT_CREATE", "CONTACT_DELETE", "CONTACT_MERGE", "CONTACT_UPDATE", "CONTACT_IDENTITIES_DUPLICATION",
	"CAPABILITY", "OPT_IN", "OPT_OUT", "CHANNEL_EVENT", "SMART_CONVERSATION", "SMART_CONVERSATIONS",
	"RECORD_NOTIFICATION", "BATCH_STATUS_UPDATE", "UNSUPPORTED",
}

// A Webhook is where callbacks go, and which.
type Webhook struct {
	ID         string   `json:"id"`
	AppID      string   `json:"app_id"`
	Target     string   `json:"target"`
	TargetType string   `json:"target_type"`
	Secret     string   `json:"secret"` // signs the callbacks; without it they are not signed
	Triggers   []string `json:"triggers"`
	// ClientCredentials are stored and returned; no token is fetched with them.
	ClientCredentials json.RawMessage `json:"client_credentials"`
}

// complete fills in what a webhook may leave out; without triggers it gets
// those that two-way SMS needs.
func (s *Server) complete(hook Webhook) Webhook {
	if hook.ID == "" {
		hook.ID = newID(s.opts.Now())
	}
	if hook.TargetType == "" {
		hook.TargetType = targetHTTP
	}
	if len(hook.Triggers) == 0 {
		hook.Triggers = []string{TriggerInbound, TriggerDelivery, TriggerSubmit}
	}
	if hook.ClientCredentials == nil {
		hook.ClientCredentials = json.RawMessage("null")
	}
	hook.AppID = s.opts.AppID
	hook.Triggers = slices.Clone(hook.Triggers)
	return hook
}

// AddWebhook registers a webhook as the API would: with an id of its own, and by
// default for the triggers MESSAGE_INBOUND, MESSAGE_DELIVERY and MESSAGE_SUBMIT.
func (s *Server) AddWebhook(hook Webhook) (Webhook, error) {
	hook = s.complete(hook)
	s.mu.Lock()
	defer s.mu.Unlock()
	if refusal := s.checkWebhook(hook); refusal != nil {
		return Webhook{}, errors.New(refusal.message)
	}
	s.webhooks = append(s.webhooks, hook)
	return hook, nil
}

// RemoveWebhook ends callbacks to it. Those under way are still tried.
func (s *Server) RemoveWebhook(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.webhooks = slices.DeleteFunc(s.webhooks, func(hook Webhook) bool { return hook.ID == id })
}

// Webhooks returns the webhooks of the app.
func (s *Server) Webhooks() []Webhook {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.webhooks)
}

// checkWebhook is what Sinch documents, and a target that can be called at all.
// The caller holds the lock.
func (s *Server) checkWebhook(hook Webhook) *apiError {
	target, err := url.Parse(hook.Target)
	switch {
	case hook.Target == "":
		return invalid("target is required.")
	case len(hook.Target) > maxTarget:
		return invalid("target is longer than %d characters.", maxTarget)
	case err != nil || (target.Scheme != "http" && target.Scheme != "https") || target.Host == "":
		return invalid("target is not a URL.")
	case strings.HasSuffix(target.Hostname(), ".sinch.com") && strings.HasPrefix(target.Hostname(), "conversation-api."):
		return invalid("target must not be Sinch itself.")
	case hook.TargetType != targetHTTP && hook.TargetType != targetDismiss:
		return invalid("target_type: there is no value %q.", hook.TargetType)
	case len(hook.Triggers) == 0:
		return invalid("triggers is required.")
	}
	for _, trigger := range hook.Triggers {
		if !slices.Contains(triggers, trigger) { // UNSPECIFIED_TRIGGER too
			return invalid("triggers: there is no value %q.", trigger)
		}
	}
	others := 0
	for _, other := range s.webhooks {
		if other.ID == hook.ID {
			continue
		}
		others++
		if other.Target == hook.Target {
			return invalid("The app has a webhook with this target already.")
		}
	}
	if others >= maxWebhooks {
		return invalid("The app has %d webhooks already.", maxWebhooks)
	}
	return nil
}

// readSinchJSON reads a body of Sinch's: unknown names are ignored.
func readSinchJSON(w http.ResponseWriter, r *http.Request, into any) *apiError {
	if mediaType, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaType != "application/json" {
		return invalid("Content-Type must be application/json.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return invalid("The request body cannot be read.")
	}
	if err := json.Unmarshal(bytes.TrimSpace(body), into); err != nil {
		return invalid("The request body cannot be understood: %v.", err)
	}
	return nil
}

func (s *Server) createWebhook(w http.ResponseWriter, r *http.Request) {
	var hook Webhook
	if refusal := readSinchJSON(w, r, &hook); refusal != nil {
		refusal.write(w)
		return
	}
	switch {
	case hook.AppID == "":
		invalid("app_id is required.").write(w)
		return
	case hook.AppID != s.opts.AppID:
		notFound("App not found.").write(w)
		return
	case len(hook.Triggers) == 0:
		invalid("triggers is required.").write(w)
		return
	}
	hook.ID = "" // not the caller's to choose
	hook = s.complete(hook)
	s.mu.Lock()
	refusal := s.checkWebhook(hook)
	if refusal == nil {
		s.webhooks = append(s.webhooks, hook)
	}
	s.mu.Unlock()
	if refusal != nil {
		refusal.write(w)
		return
	}
	writeJSON(w, http.StatusOK, hook) // with the secret, as Sinch does
}

func (s *Server) listWebhooks(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("app") != s.opts.AppID {
		notFound("App not found.").write(w)
		return
	}
	hooks := s.Webhooks()
	if hooks == nil {
		hooks = []Webhook{}
	}
	writeJSON(w, http.StatusOK, map[string]any{"webhooks": hooks})
}

// webhook finds the one in the path. The caller holds the lock.
func (s *Server) webhook(r *http.Request) *Webhook {
	i := slices.IndexFunc(s.webhooks, func(hook Webhook) bool { return hook.ID == r.PathValue("id") })
	if i < 0 {
		return nil
	}
	return &s.webhooks[i]
}

func (s *Server) getWebhook(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hook := s.webhook(r)
	if hook == nil {
		notFound("Webhook not found.").write(w)
		return
	}
	writeJSON(w, http.StatusOK, hook)
}

// patchWebhook changes the fields of the update mask, or without one the fields
// in the body.
func (s *Server) patchWebhook(w http.ResponseWriter, r *http.Request) {
	var fields map[string]json.RawMessage
	if refusal := readSinchJSON(w, r, &fields); refusal != nil {
		refusal.write(w)
		return
	}
	if mask := r.URL.Query().Get("update_mask"); mask != "" {
		named := strings.Split(mask, ",")
		for name := range fields {
			if !slices.Contains(named, name) {
				delete(fields, name)
			}
		}
	}
	delete(fields, "id")
	delete(fields, "app_id") // a webhook stays with its app
	changes, err := json.Marshal(fields)
	if err != nil {
		invalid("The request body cannot be understood.").write(w)
		return
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	hook := s.webhook(r)
	if hook == nil {
		notFound("Webhook not found.").write(w)
		return
	}
	changed := *hook
	changed.Triggers = slices.Clone(hook.Triggers)
	if err := json.Unmarshal(changes, &changed); err != nil {
		invalid("The request body cannot be understood: %v.", err).write(w)
		return
	}
	if refusal := s.checkWebhook(changed); refusal != nil {
		refusal.write(w)
		return
	}
	*hook = changed
	writeJSON(w, http.StatusOK, changed)
}

func (s *Server) deleteWebhook(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	known := s.webhook(r) != nil
	s.mu.Unlock()
	if !known {
		notFound("Webhook not found.").write(w)
		return
	}
	s.RemoveWebhook(r.PathValue("id"))
	writeJSON(w, http.StatusOK, struct{}{})
}

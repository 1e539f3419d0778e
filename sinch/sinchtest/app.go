package sinchtest

import "net/http"

// apps is GET /apps.
func (s *Server) apps(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"apps": []any{s.describeApp()}})
}

// app is GET /apps/{app}. From it a client learns whether messages are stored.
func (s *Server) app(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("app") != s.opts.AppID {
		notFound("App not found.").write(w)
		return
	}
	writeJSON(w, http.StatusOK, s.describeApp())
}

func (s *Server) describeApp() map[string]any {
	return map[string]any{
		"id":           s.opts.AppID,
		"display_name": "Parley simulator",
		"channel_credentials": []any{map[string]any{
			"channel":          "SMS",
			"static_bearer":    map[string]string{"claimed_identity": "parley", "token": ""},
			"callback_secret":  "",
			"state":            map[string]string{"status": "ACTIVE", "description": ""},
			"channel_known_id": "parley",
		}},
		"conversation_metadata_report_view": "NONE",
		"processing_mode":                   s.opts.Mode,
		"retention_policy":                  map[string]any{"retention_type": "CONVERSATION_EXPIRE_POLICY", "ttl_days": 180},
		"dispatch_retention_policy":         map[string]any{"retention_type": "MESSAGE_EXPIRE_POLICY", "ttl_days": s.opts.DispatchRetentionDays},
		"rate_limits":                       map[string]int{"inbound": 25, "outbound": 25, "webhooks": 25},
		"queue_stats":                       map[string]int{"outbound_size": 0, "outbound_limit": 500_000},
		"persist_message_status":            map[string]bool{"enabled": false},
		"message_search":                    map[string]bool{"enabled": false},
		"callback_settings":                 map[string]string{"secret_for_overridden_callback_urls": s.opts.CallbackURLSecret},
		"delivery_report_based_fallback":    nil,
		"message_retry_settings":            nil,
		"smart_conversation":                map[string]bool{"enabled": false},
	}
}

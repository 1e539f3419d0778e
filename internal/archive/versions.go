package archive

import (
	"regexp"
	"slices"
	"time"

	"parley/activities"
	"parley/conversation/wire"
)

// latest returns the last version of each record, in the order in which the
// first versions were kept. A version that was made earlier does not count even
// if it was written later: a slow attempt to store may end after the next one.
func latest(kept []activities.Record) []activities.Record {
	at := make(map[string]int, len(kept))
	var last []activities.Record
	for _, r := range kept {
		i, known := at[r.ID]
		switch {
		case !known:
			at[r.ID] = len(last)
			last = append(last, r)
		case !r.At.Before(last[i].At):
			last[i] = r
		}
	}
	return last
}

// recent returns the last n messages of a conversation, oldest first.
func recent(kept []activities.Record, conversation string, n int) []activities.Record {
	kept = slices.DeleteFunc(kept, func(r activities.Record) bool {
		return r.Kind != wire.RecordMessage || r.Conversation != conversation
	})
	last := latest(kept)
	slices.SortStableFunc(last, func(a, b activities.Record) int { return said(a).Compare(said(b)) })
	return last[max(0, len(last)-max(0, n)):]
}

// said is when a message was sent or received.
func said(r activities.Record) time.Time {
	if r.Line == nil {
		return time.Time{}
	}
	return r.Line.Time
}

// wanted is a message that somebody looks for.
type wanted struct {
	key string // without the attempt
	run string // with which the key begins; empty: it is no key
	id  string // the carrier's
}

// keyForm is <first run id>-<n>, or <first run id>-<n>.<attempt>.
var keyForm = regexp.MustCompile(`^(.+)(-[0-9]+)(?:\.[0-9]+)?$`)

func want(keyOrID string) wanted {
	w := wanted{key: keyOrID, id: keyOrID}
	if parts := keyForm.FindStringSubmatch(keyOrID); parts != nil {
		w.run, w.key = parts[1], parts[1]+parts[2]
	}
	return w
}

func (w wanted) is(r activities.Record) bool {
	return r.Kind == wire.RecordMessage &&
		(r.Key != "" && r.Key == w.key || r.MessageID != "" && r.MessageID == w.id)
}

// find returns the last version of a message that any version shows to be the
// wanted one.
func find(kept []activities.Record, w wanted) (activities.Record, error) {
	i := slices.IndexFunc(kept, w.is)
	if i < 0 {
		return activities.Record{}, activities.ErrNoRecord
	}
	versions := slices.DeleteFunc(slices.Clone(kept), func(r activities.Record) bool {
		return r.ID != kept[i].ID || r.Conversation != kept[i].Conversation
	})
	return latest(versions)[0], nil
}

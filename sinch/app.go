package sinch

// A Channel is one over which an app may send, as far as the app's settings say.
type Channel struct {
	Name   string // SMS
	Status string // ACTIVE, PENDING or FAILING
	Detail string // in Sinch's words, redacted
}

// Channels are what the app has credentials for. None of them is known by its
// numbers: those belong to the service plan behind the SMS channel.
func channels(app object) []Channel {
	var list []Channel
	for _, o := range app.objects("channel_credentials") {
		state := o.object("state")
		list = append(list, Channel{Name: o.text("channel"), Status: state.text("status"), Detail: redact(state.text("description"))})
	}
	return list
}

// Channel returns the app's channel of that name, and whether it has one.
func (a App) Channel(name string) (Channel, bool) {
	for _, c := range a.Channels {
		if c.Name == name {
			return c, true
		}
	}
	return Channel{}, false
}

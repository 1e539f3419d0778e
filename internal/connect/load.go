package connect

import "parley/conversation/client"

// PollTime is how long a worker is taken to be there after it was heard of.
const PollTime = client.PollTime

// IsAlive reports whether a worker was heard of lately.
var IsAlive = client.IsAlive

package workflows

// Words are the constants that answers and endings of scripts consist of. They
// tell nothing of a contact, and stay when a history is made anonymous to become
// test data; a new script adds its own.
var Words = []string{
	string(Confirm), string(Reschedule), string(Decline),
	string(AppointmentConfirmed), string(AppointmentReschedule), string(AppointmentDeclined), string(AppointmentNoReply), string(AppointmentNotUnderstood),
	string(AppointmentUndeliverable), string(AppointmentOptedOut), string(AppointmentTooLate), string(AppointmentTakenOver),
}

package doctor

import "fmt"

// A Status says how bad a finding is.
type Status string

// What a status may be.
const (
	OK   Status = "ok"
	Warn Status = "warn" // it works, or may; a person should know
	Fail Status = "fail" // texts do not get through, or will not for long
)

// A Finding is one line of the report. It holds no number, no text and no secret.
type Finding struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"` // what to do about it
}

func fine(check, found string, args ...any) Finding {
	return Finding{Check: check, Status: OK, Found: fmt.Sprintf(found, args...)}
}

func warned(check, advice, found string, args ...any) Finding {
	return Finding{Check: check, Status: Warn, Found: fmt.Sprintf(found, args...), Advice: advice}
}

func failed(check, advice, found string, args ...any) Finding {
	return Finding{Check: check, Status: Fail, Found: fmt.Sprintf(found, args...), Advice: advice}
}

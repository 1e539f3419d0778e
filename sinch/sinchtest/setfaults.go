package sinchtest

import (
	"net/http"
	"strings"
)

// Faults returns the faults in force, with what is left of Next.
func (s *Server) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.clone()
}

// SetFaults replaces the faults in force. It panics on rates and names that
// make no sense, since those are mistakes in a test.
func (s *Server) SetFaults(faults Faults) {
	if err := s.setFaults(faults.clone()); err != nil {
		panic("sinchtest: " + err.Error())
	}
}

// Next queues faults for the next calls, behind those that are still waiting.
// Like SetFaults it panics on names that make no sense.
func (s *Server) Next(faults ...OneShot) {
	added := Faults{Next: faults}.clone()
	if err := added.normalize(); err != nil {
		panic("sinchtest: " + err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.Next = append(s.faults.Next, added.Next...)
}

func (s *Server) setFaults(faults Faults) error {
	if err := faults.normalize(); err != nil {
		return err
	}
	if faults.ExpireTokens {
		faults.ExpireTokens = false
		s.ExpireTokens()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
	return nil
}

func (s *Server) outage() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.Outage
}

func (s *Server) getFaults(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, s.Faults())
}

// putFaults replaces all faults.
func (s *Server) putFaults(w http.ResponseWriter, r *http.Request) {
	s.changeFaults(w, r, Faults{})
}

// patchFaults changes the faults named in the body; "next" is queued behind
// what is still waiting.
func (s *Server) patchFaults(w http.ResponseWriter, r *http.Request) {
	s.changeFaults(w, r, s.Faults())
}

func (s *Server) changeFaults(w http.ResponseWriter, r *http.Request, faults Faults) {
	waiting := faults.Next
	faults.Next = nil
	err := readJSON(w, r, &faults)
	if err == nil {
		faults.Next = append(waiting, faults.Next...)
		err = s.setFaults(faults)
	}
	if err != nil {
		complain(w, err.Error())
		return
	}
	s.getFaults(w, r)
}

// ParseFaults reads Faults as PUT /faults takes them.
func ParseFaults(text string) (Faults, error) {
	var f Faults
	if err := strictJSON(strings.NewReader(text), &f); err != nil {
		return Faults{}, err
	}
	return f, f.Check()
}

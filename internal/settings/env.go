package settings

import "strings"

// Env is an environment, such as the process's own. It is handed around instead
// of read where it is needed, so that tests can have one each.
type Env map[string]string

// Environ makes an Env of NAME=value lines, as os.Environ returns them.
func Environ(lines []string) Env {
	env := make(Env, len(lines))
	for _, line := range lines {
		if name, value, ok := strings.Cut(line, "="); ok {
			env[name] = value
		}
	}
	return env
}

// LookupEnv and Environ make an Env readable by Temporal's envconfig. An empty
// value counts as not set, as for our own: to envconfig the empty path of a
// certificate means TLS.
func (e Env) LookupEnv(name string) (string, bool) {
	value := e[name]
	return value, value != ""
}

// Environ returns the lines it was made of, in no order.
func (e Env) Environ() []string {
	lines := make([]string, 0, len(e))
	for name, value := range e {
		lines = append(lines, name+"="+value)
	}
	return lines
}

// setting is the value of one of our own variables. An empty one counts as not
// set, since that is how compose files and templates write "use the default".
func (e Env) setting(name string) (string, bool) {
	value := strings.TrimSpace(e[name])
	return value, value != ""
}

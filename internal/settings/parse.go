package settings

import (
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"parley/conversation/wire"
)

// Parse reads a command line and an environment into grammar, a pointer to a
// struct with kong's tags. What stands on the command line goes first, then the
// environment, then the default. It returns nil and no error when there is
// nothing left to do, because --help has been printed.
//
// Kong would read the process's own environment, and quote a value that it
// cannot read, which may be a secret. So its envars are taken over here: an
// error names the variable, and quotes nothing.
func Parse(grammar any, args []string, env Env, stdout, stderr io.Writer, options ...kong.Option) (command *kong.Context, err error) {
	type ended struct{}
	options = append([]kong.Option{
		defaults(),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { panic(ended{}) }), // only --help and its like ask for it
		kong.ValueFormatter(helpWithVariable),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Resolvers(kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
			return resolve(env, flag)
		})),
	}, options...)
	parser, err := kong.New(grammar, options...)
	if err != nil {
		return nil, fmt.Errorf("reading the command line's own definition: %w", err)
	}
	err = kong.Visit(parser.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			flag.Tag.Envs = nil // flag.Envs stays, for resolve and for the help
		}
		return next(nil)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the command line's own definition: %w", err)
	}
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case ended:
			command, err = nil, nil
		default:
			panic(cause)
		}
	}()
	return parser.Parse(args)
}

// resolve looks a flag up in the environment. The value is read once for trial,
// because here the variable's name is known.
func resolve(env Env, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		value, ok := env.setting(name)
		if !ok {
			continue
		}
		if enum := flag.EnumSlice(); flag.Enum != "" && !slices.Contains(enum, value) {
			return nil, fmt.Errorf("%s is not understood: write %s", name, strings.Join(enum, " or "))
		}
		trial := reflect.New(flag.Target.Type()).Elem()
		if err := flag.Parse(kong.Scan().PushTyped(value, kong.FlagValueToken), trial); err != nil {
			return nil, fmt.Errorf("%s is not understood: write it like %s", name, example(flag))
		}
		return value, nil
	}
	return nil, nil
}

func example(flag *kong.Flag) string {
	switch {
	case flag.Default != "":
		return flag.Default
	case flag.IsBool():
		return "true or false"
	}
	return flag.FormatPlaceHolder()
}

func helpWithVariable(v *kong.Value) string {
	if v.Flag == nil || len(v.Flag.Envs) == 0 {
		return v.Help
	}
	return v.Help + " [$" + strings.Join(v.Flag.Envs, ", $") + "]"
}

// defaults gives the tags below what they cannot say in Go: the defaults of the
// conversation.
func defaults() kong.Option {
	d := wire.DefaultSettings()
	tries := make([]string, len(d.ResponderTries))
	for i, wait := range d.ResponderTries {
		tries[i] = shortDuration(wait)
	}
	return kong.Vars{
		"idle_after":         shortDuration(d.IdleAfter),
		"opt_out_reply":      d.OptOutReply,
		"opt_in_reply":       d.OptInReply,
		"help_reply":         d.HelpReply,
		"texts_per_hour":     fmt.Sprint(d.TextsPerHour),
		"responder_tries":    strings.Join(tries, ","),
		"responder_patience": shortDuration(d.Patience),
	}
}

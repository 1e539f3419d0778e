package main

import (
	"os"
	"regexp"

	"go.temporal.io/server/common/log"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLogger writes to standard error, without the stack traces that the server
// would add to each error. Its level can be changed while it is in use.
func newLogger(s settings) (log.Logger, zap.AtomicLevel) {
	level := zap.NewAtomicLevelAt(log.ParseZapLevel(s.LogLevel))
	if s.LogLevel == "never" {
		return log.NewNoopLogger(), level
	}
	encoder := zapcore.NewConsoleEncoder(log.DefaultZapEncoderConfig)
	if s.LogFormat == "json" {
		encoder = zapcore.NewJSONEncoder(log.DefaultZapEncoderConfig)
	}
	return log.NewZapLogger(zap.New(zapcore.NewCore(encoder, zapcore.Lock(masked{os.Stderr}), level))), level
}

// masked hides the phone numbers that stand in workflow ids, which the server
// logs.
type masked struct{ *os.File }

var number = regexp.MustCompile(`\+\d{4,12}(\d{3})`)

func (m masked) Write(line []byte) (int, error) {
	if _, err := m.File.Write(number.ReplaceAll(line, []byte("+•••$1"))); err != nil {
		return 0, err
	}
	return len(line), nil
}

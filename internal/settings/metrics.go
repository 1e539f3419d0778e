package settings

// Metrics says where what a process counts can be read. The program gives the
// default as the variable metrics_addr, since each has one of its own. The
// address stays empty unless somebody set it: the default one may be in use.
type Metrics struct {
	MetricsAddr string `env:"PARLEY_METRICS_ADDR" placeholder:"HOST:PORT" help:"Where metrics are read: GET /metrics; 'off' for nowhere. Default: ${metrics_addr}, and nowhere if that is in use."`
}

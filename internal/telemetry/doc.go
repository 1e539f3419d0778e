// Package telemetry is what the processes say about themselves. Whatever is
// logged, no phone number leaves it in full.
package telemetry

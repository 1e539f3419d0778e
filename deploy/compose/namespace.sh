#!/bin/sh
# Creates the namespace if there is none. An open port says little about a
# Temporal server that starts, so this waits until it is healthy.
#
# TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE: as for all of Temporal's tools.
# TEMPORAL_RETENTION: how long what is closed is kept.
set -eu

tries=60
until temporal operator cluster health; do
	tries=$((tries - 1))
	if [ "$tries" -eq 0 ]; then
		echo "Temporal at $TEMPORAL_ADDRESS is not healthy; its log says why" >&2
		exit 1
	fi
	sleep 1
done
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" ||
	temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$TEMPORAL_RETENTION"

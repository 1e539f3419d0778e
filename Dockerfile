# One image with all programs. Which one runs is the command, by its path:
#
#   docker build -t parley .
#   docker run parley /usr/local/bin/worker --help
FROM --platform=$BUILDPLATFORM golang:1.26.8 AS build
WORKDIR /src
ENV GOMODCACHE=/cache/modules GOCACHE=/cache/build
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/cache go mod download
COPY . .
ARG TARGETOS TARGETARCH
# Without cgo the programs need nothing of a system around them. The two folders
# are for certificates and the archive; a new volume takes their owner over.
RUN --mount=type=cache,target=/cache \
    export CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH && \
    go build -trimpath -ldflags="-s -w" -o /out/bin/ ./worker ./webhook ./simulator && \
    go build -trimpath -ldflags="-s -w" -o /out/bin/parley ./starter && \
    mkdir -p /out/certs /out/archive

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/bin/ /usr/local/bin/
COPY --from=build --chown=65532:65532 /out/certs/ /certs/
COPY --from=build --chown=65532:65532 /out/archive/ /archive/
ENV PATH=/usr/local/bin
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
CMD ["/usr/local/bin/parley", "--help"]

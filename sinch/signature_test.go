package sinch_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"parley/sinch"
)

// Signed by Sinch: published with its documentation and SDKs.
const (
	vectorSecret    = "foo_secret1234"
	vectorNonce     = "01FJA8B4A7BM43YGWSG9GBV067"
	vectorTimestamp = "1634579353"

	contactCreated          = `{"app_id":"","accepted_time":"2021-10-18T17:49:13.813615Z","project_id":"e2df3a34-a71b-4448-9db5-a8d2baad28e4","contact_create_notification":{"contact":{"id":"01FJA8B466Y0R2GNXD78MD9SM1","channel_identities":[{"channel":"SMS","identity":"48123456789","app_id":""}],"display_name":"New Test Contact","email":"new.contact@email.com","external_id":"","metadata":"","language":"EN_US"}},"message_metadata":""}`
	contactCreatedSignature = "6bpJoRmFoXVjfJIVglMoJzYXxnoxRujzR4k2GOXewOE="

	onChannel          = `{"app_id":"01EB37HMH1M6SV18BSNS3G135H","accepted_time":"2020-11-17T15:09:11.659Z","project_id":"c36f3d3d-1513-2edd-ae42-11995557ff61","message_delivery_report":{"message_id":"01EQBC1A3BEK731GY4YXEN0C2R","conversation_id":"01EPYATA64TMNZ1FV02JKF12JF","status":"QUEUED_ON_CHANNEL","contact_id":"01EXA07N79THJ20WSN6AS30TMW"}}`
	onChannelSignature = "Yc+3R1pIS78xLASybulhs8BsSo9BPB3Pr92QCUoczfk="
)

var vectorTime = time.Unix(1634579353, 0)

func vectorHeader(changes ...string) http.Header {
	h := http.Header{}
	h.Set(sinch.HeaderSignature, contactCreatedSignature)
	h.Set(sinch.HeaderTimestamp, vectorTimestamp)
	h.Set(sinch.HeaderNonce, vectorNonce)
	h.Set(sinch.HeaderAlgorithm, sinch.Algorithm)
	for pair := range slices.Chunk(changes, 2) {
		h.Set(pair[0], pair[1])
	}
	return h
}

func TestSign(t *testing.T) {
	t.Parallel()
	require.Equal(t, contactCreatedSignature, sinch.Sign(vectorSecret, []byte(contactCreated), vectorNonce, vectorTimestamp))
	require.Equal(t, onChannelSignature, sinch.Sign(vectorSecret, []byte(onChannel), vectorNonce, vectorTimestamp))
}

func TestVerify(t *testing.T) {
	t.Parallel()
	notATime := sinch.Sign(vectorSecret, []byte(contactCreated), vectorNonce, "yesterday")
	farAway := sinch.Sign(vectorSecret, []byte(contactCreated), vectorNonce, "9223372036854775807")
	keyless := sinch.Sign("", []byte(contactCreated), vectorNonce, vectorTimestamp)

	tests := []struct {
		name    string
		header  http.Header
		body    string
		secrets []string
		after   time.Duration // how much later than signed
		want    error
	}{
		{name: "signed by Sinch"},
		{name: "another vector, without algorithm", header: vectorHeader(sinch.HeaderSignature, onChannelSignature, sinch.HeaderAlgorithm, ""), body: onChannel},
		{name: "algorithm in other letters", header: vectorHeader(sinch.HeaderAlgorithm, "hmacsha256")},
		{name: "second secret", secrets: []string{"new", vectorSecret}},
		{name: "first secret", secrets: []string{vectorSecret, "old"}},
		{name: "at the end of the window", after: 5 * time.Minute},
		{name: "at the start of the window", after: -5 * time.Minute},

		{name: "no signature", header: vectorHeader(sinch.HeaderSignature, ""), want: sinch.ErrUnsigned},
		{name: "no timestamp", header: vectorHeader(sinch.HeaderTimestamp, ""), want: sinch.ErrUnsigned},
		{name: "no nonce", header: vectorHeader(sinch.HeaderNonce, ""), want: sinch.ErrUnsigned},
		{name: "no headers", header: http.Header{}, want: sinch.ErrUnsigned},
		{name: "other algorithm", header: vectorHeader(sinch.HeaderAlgorithm, "HmacSHA1"), want: sinch.ErrUnsigned},

		{name: "too late", after: 5*time.Minute + time.Second, want: sinch.ErrStale},
		{name: "too early", after: -5*time.Minute - time.Second, want: sinch.ErrStale},
		{name: "signed, but no time", header: vectorHeader(sinch.HeaderSignature, notATime, sinch.HeaderTimestamp, "yesterday"), want: sinch.ErrStale},
		{name: "signed at the end of time", header: vectorHeader(sinch.HeaderSignature, farAway, sinch.HeaderTimestamp, "9223372036854775807"), want: sinch.ErrStale},

		{name: "trailing newline", body: contactCreated + "\n", want: sinch.ErrBadSignature},
		{name: "other nonce", header: vectorHeader(sinch.HeaderNonce, "x"), want: sinch.ErrBadSignature},
		{name: "other timestamp", header: vectorHeader(sinch.HeaderTimestamp, "1634579354"), want: sinch.ErrBadSignature},
		{name: "same time, written differently", header: vectorHeader(sinch.HeaderTimestamp, "01634579353"), want: sinch.ErrBadSignature},
		{name: "junk signature", header: vectorHeader(sinch.HeaderSignature, "junk"), want: sinch.ErrBadSignature},
		{name: "wrong signature wins over stale", header: vectorHeader(sinch.HeaderSignature, "junk"), after: time.Hour, want: sinch.ErrBadSignature},
		{name: "wrong secret", secrets: []string{"other"}, want: sinch.ErrBadSignature},
		{name: "no secret", secrets: []string{}, want: sinch.ErrBadSignature},
		{name: "empty secret", header: vectorHeader(sinch.HeaderSignature, keyless), secrets: []string{""}, want: sinch.ErrBadSignature},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.header == nil {
				tt.header = vectorHeader()
			}
			if tt.body == "" {
				tt.body = contactCreated
			}
			if tt.secrets == nil {
				tt.secrets = []string{vectorSecret}
			}
			err := sinch.Verify(tt.header, []byte(tt.body), tt.secrets, vectorTime.Add(tt.after), 5*time.Minute)
			require.Equal(t, tt.want, err)
		})
	}
}

func TestSignHeader(t *testing.T) {
	t.Parallel()
	body, now := []byte(`{}`), time.Now()

	first, second := http.Header{}, http.Header{}
	sinch.SignHeader(first, "s3cret", body, now)
	sinch.SignHeader(second, "s3cret", body, now)

	require.NoError(t, sinch.Verify(first, body, []string{"s3cret"}, now, time.Second))
	require.Equal(t, sinch.Algorithm, first.Get(sinch.HeaderAlgorithm))
	require.NotEqual(t, first.Get(sinch.HeaderNonce), second.Get(sinch.HeaderNonce))
}

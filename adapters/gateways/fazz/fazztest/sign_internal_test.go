package fazztest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSignature(t *testing.T) {
	t.Parallel()
	body := []byte(`{"data":{"id":"contract_1","type":"payment"}}`)
	want := "57d41aada42c2e2a2ce12b8c5f5305502e6eed469b82ec26653a3101e5a4d3bc"
	require.Equal(t, want, signature("ss_test_0001", body))
	require.NotEqual(t, want, signature("test_0001", body), "the secret counts with its ss_")
	require.NotEqual(t, want, signature("ss_test_0001", append(body, '\n')), "the body counts to its last byte")
}

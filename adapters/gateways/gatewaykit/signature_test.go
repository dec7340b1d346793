package gatewaykit

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIsHexOf(t *testing.T) {
	t.Parallel()
	one, two := []byte{0x01, 0xab}, []byte{0x02, 0xcd}
	for given, want := range map[string]bool{
		"01ab": true, "02cd": true, "01AB": true, "01ac": false, "": false, "01": false, "01abab": false, "zzzz": false, "01a": false,
	} {
		require.Equal(t, want, IsHexOf(given, one, two), given)
	}
	require.False(t, IsHexOf(hex.EncodeToString(one)), "without a key nothing is signed")
	require.False(t, IsHexOf(""), "not even nothing")
}

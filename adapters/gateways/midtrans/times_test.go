package midtrans

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseTime(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"2021-06-23 11:27:20": "2021-06-23T04:27:20Z", "2021-01-01 00:30:00": "2020-12-31T17:30:00Z",
		"2018-12-13 18:11:08 +0700": "2018-12-13T11:11:08Z", "2018-12-13 18:11:08 +0000": "2018-12-13T18:11:08Z",
		"2022-10-26T09:59:00.000000Z": "2022-10-26T09:59:00Z", "2021-09-28T10:40:29.123456": "2021-09-28T03:40:29.123456Z",
		"2021-06-23 11:27:20.5": "2021-06-23T04:27:20.5Z",
	} {
		got := parseTime(s)
		require.Equal(t, at(want), got, s)
	}
	for _, s := range []string{"", "now", "0000-00-00 00:00:00", "0001-01-01 00:00:00", "9999-12-31 23:59:59", "1999-12-31 23:59:59", "2021-06-23", "2021-13-01 00:00:00"} {
		require.True(t, parseTime(s).IsZero(), s)
	}
}

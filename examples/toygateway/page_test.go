package toygateway_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The page shows this package's code. A piece that is no longer there word for
// word would teach what does not work.
func TestThePageShowsTheCodeAsItIs(t *testing.T) {
	page, err := os.ReadFile("../../docs/writing-a-gateway.md")
	require.NoError(t, err)
	const mark = "// examples/toygateway/"
	shown := 0
	for block := range strings.SplitSeq(string(page), "```go\n") {
		block, ok := strings.CutPrefix(block, mark)
		if !ok {
			continue // what is before the first block, or a block of something else
		}
		block, _, closed := strings.Cut(block, "\n```")
		require.True(t, closed, block)
		file, code, _ := strings.Cut(block, "\n")
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NotEmpty(t, strings.TrimSpace(code), file)
		require.Contains(t, string(source), code+"\n", file)
		shown++
	}
	require.Equal(t, strings.Count(string(page), mark), shown, "each mark begins a block")
	require.GreaterOrEqual(t, shown, 5, "the page shows the code")
}

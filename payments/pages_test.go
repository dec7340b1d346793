package payments_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// docs/security.md names a test for each threat, the coverage.md of a gateway
// for each thing that the gateway has, or "-" where nothing is there. Each of
// them exists, and each row has one.
func TestPagesNameTestsThatExist(t *testing.T) {
	t.Parallel()
	exists := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(t \*testing\.T\)|^\t\{"([a-z]+/[^"]+)", `)
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") && filepath.Base(filepath.Dir(path)) != "storagetest" {
			return err
		}
		source, err := os.ReadFile(path)
		for _, found := range declared.FindAllStringSubmatch(string(source), -1) {
			exists[found[1]+found[2]] = true
		}
		return err
	}))
	named := regexp.MustCompile("`(Test[A-Za-z0-9]+|hostile/[a-z ]+)`")
	absent := regexp.MustCompile(`(?i)^(deliberately no|not yet|nothing to do|the browser's)`)
	for _, page := range []struct {
		path    string
		least   int  // rows
		mayLack bool // a row may have no test, if it says why
	}{
		{"../docs/security.md", 26, false},
		{"../docs/midtrans/coverage.md", 200, true},
		{"../docs/fazz/coverage.md", 120, true},
	} {
		text, err := os.ReadFile(page.path)
		require.NoError(t, err)
		rows, inTable := 0, false
		for _, line := range strings.Split(string(text), "\n") {
			for _, name := range named.FindAllStringSubmatch(line, -1) {
				require.True(t, exists[name[1]], "%s names %s, which is not there", page.path, name[1])
			}
			header := strings.HasSuffix(line, "| test |")
			inTable = header || inTable && strings.HasPrefix(line, "|")
			if !inTable || header || strings.HasPrefix(line, "| ---") {
				continue
			}
			rows++
			cells := strings.Split(strings.Trim(line, "| "), " | ")
			if test := cells[len(cells)-1]; page.mayLack && test == "-" {
				require.Regexp(t, absent, cells[1], "%s has a row without a test or a reason: %s", page.path, line)
			} else {
				require.Regexp(t, named, test, "%s has a row without a test: %s", page.path, line)
			}
		}
		require.GreaterOrEqual(t, rows, page.least, page.path)
	}
}

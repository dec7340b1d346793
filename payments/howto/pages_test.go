package howto_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/payments/howto"
)

const pages = "../../docs/midtrans"

func readPages(t *testing.T) map[string]string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(pages, "*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, list)
	texts := map[string]string{}
	for _, name := range list {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		texts[filepath.Base(name)] = string(text)
	}
	return texts
}

// What a payer is told how to do, a developer is told how to offer.
func TestEveryMethodHasASection(t *testing.T) {
	var names []string
	for _, text := range readPages(t) {
		names = append(names, regexp.MustCompile(`(?m)^- \*\*Name\.\*\* .*$`).FindAllString(text, -1)...)
	}
	fazz, err := os.ReadFile("../../docs/fazz/methods.md")
	require.NoError(t, err)
	all := strings.Join(names, "\n") + string(fazz)
	for _, method := range howto.Methods() {
		assert.Contains(t, all, "`"+string(method)+"`")
	}
}

var link = regexp.MustCompile(`\]\(([^)#]*)(#[^)]*)?\)`)

// slug is what a heading is called in a link.
func slug(heading string) string {
	kept := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(heading), "")
	return "#" + strings.ReplaceAll(kept, " ", "-")
}

func TestLinksLeadSomewhere(t *testing.T) {
	for name, text := range readPages(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, anchor := filepath.Join(pages, m[1]), m[2]
			if m[1] == "" {
				target = filepath.Join(pages, name)
			}
			_, err := os.Stat(target)
			if !assert.NoError(t, err, "%s: %s", name, m[0]) || anchor == "" {
				continue
			}
			linked, err := os.ReadFile(target)
			require.NoError(t, err)
			var anchors []string
			for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(linked), -1) {
				anchors = append(anchors, slug(heading[1]))
			}
			assert.Contains(t, anchors, anchor, "%s: %s", name, m[0])
		}
	}
}

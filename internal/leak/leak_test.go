package leak_test

import (
	"encoding/base64"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/internal/leak"
)

// recorder is a test that only notes that it has failed.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }

func TestWatchFailsOnASecret(t *testing.T) {
	t.Parallel()
	const key = "SB-Mid-server-x9"
	for text, secret := range map[string]bool{
		key: true, "Mid-server-abc": true, base64.StdEncoding.EncodeToString([]byte(key + ":")): true,
		base64.StdEncoding.EncodeToString([]byte("Mid-server-x9:")): true, "map[Authorization:[Basic dXNlcjpwYXNz]]": true,
		strings.Repeat("0a", 64): true, "4811111111111114": true, "card 4811 1111-1111 1114": true,
		"tok-0199": true, "https://app.sandbox.midtrans.com/snap/v4/redirection/66e4fa55-fdac": true,
		"the server key is not accepted": false, strings.Repeat("0a", 32): false, "481111-1114": false, "SB-Mid-client-x9": false,
		"payment 0199c0de-0000-7000-8000-000000000000": false, "basic trouble": false, "1778061600123456": false,
	} {
		for _, log := range []func(*slog.Logger){
			func(l *slog.Logger) { l.Info(text) },
			func(l *slog.Logger) { l.Info("call", "error", struct{ Text string }{text}) },
			func(l *slog.Logger) { l.With("header", text).WithGroup("g").Warn("call", "n", 1) },
		} {
			for _, handler := range []func(io.Writer, *slog.HandlerOptions) slog.Handler{
				func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(w, o) },
				func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) },
			} {
				r := &recorder{}
				log(slog.New(handler(leak.Watch(r, io.Discard), nil)))
				require.Equal(t, secret, r.failed, text)
			}
		}
	}
}

// thrownAway: the Services of these files are made to see that they can be, or
// to be read by people.
var thrownAway = map[string]bool{"config_test.go": true, "example_test.go": true}

// Every logger that a test makes is watched, and every Service has one.
func TestAllTestsLogUnderWatch(t *testing.T) {
	t.Parallel()
	services, loggers := 0, 0
	for _, root := range []string{"payments", "adapters", "storage", "examples"} {
		require.NoError(t, filepath.WalkDir(filepath.Join("..", "..", root), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					if f := types.ExprString(n.Fun); f == "slog.NewTextHandler" || f == "slog.NewJSONHandler" {
						loggers++
						assert.True(t, strings.HasPrefix(types.ExprString(n.Args[0]), "leak.Watch("),
							"%s: a logger that nobody watches; write to leak.Watch(t, …)", files.Position(n.Pos()))
					}
				case *ast.CompositeLit:
					if n.Type != nil && types.ExprString(n.Type) == "payments.Config" && has(n, "Store") && !thrownAway[filepath.Base(path)] {
						services++
						assert.True(t, has(n, "Logger"), "%s: a Service that logs where nobody watches", files.Position(n.Pos()))
					}
				}
				return true
			})
			return nil
		}))
	}
	require.GreaterOrEqual(t, services, 5)
	require.Greater(t, loggers, 5)
}

func has(lit *ast.CompositeLit, field string) bool {
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok && types.ExprString(kv.Key) == field {
			return true
		}
	}
	return false
}

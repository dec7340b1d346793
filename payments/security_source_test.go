package payments_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// logCall is a call of a slog.Logger in the source.
type logCall struct {
	at, message string
	constant    bool
}

// logCalls finds them by their form: log.Warn(…), s.log.ErrorContext(ctx, …).
func logCalls(t *testing.T, globs ...string) []logCall {
	t.Helper()
	var calls []logCall
	files := token.NewFileSet()
	for _, glob := range globs {
		names, err := filepath.Glob(glob)
		require.NoError(t, err)
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(files, name, nil, 0)
			require.NoError(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if message := logMessage(call); message != nil {
						calls = append(calls, logCall{files.Position(call.Pos()).String(), types.ExprString(message), isConstant(message)})
					}
				}
				return true
			})
		}
	}
	require.Greater(t, len(calls), 20, "they are found")
	return calls
}

// logMessage is the message of a call of a logger, or nil.
func logMessage(call *ast.CallExpr) ast.Expr {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	logger := types.ExprString(f.X)
	if logger != "log" && !strings.HasSuffix(logger, ".log") && logger != "slog" {
		return nil
	}
	level, inContext := strings.CutSuffix(f.Sel.Name, "Context")
	if !slices.Contains([]string{"Debug", "Info", "Warn", "Error"}, level) {
		return nil
	}
	if inContext {
		return call.Args[1]
	}
	return call.Args[0]
}

// isConstant: a literal, or literals and names of this package's own joined.
func isConstant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.BinaryExpr:
		return isConstant(e.X) && isConstant(e.Y)
	case *ast.Ident:
		return e.Name == "what" // "hook", "timer": see Service.safely
	}
	return false
}

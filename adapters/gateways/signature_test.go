// Package gateways_test checks how the gateways' sources are written.
package gateways_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Signatures are compared in a time that tells nothing, by construction: a
// measurement would prove little and flake much. So no gateway may compare a
// value that comes of a signature or a hash otherwise than by crypto/subtle or
// hmac.Equal; and each that has a signature must do that.
func TestSignaturesAreComparedInConstantTime(t *testing.T) {
	t.Parallel()
	dirs, err := os.ReadDir(".")
	require.NoError(t, err)
	gateways := 0
	for _, dir := range dirs {
		name := dir.Name()
		if !dir.IsDir() || name == "gatewaytest" || name == "simkit" || name == "gatewaykit" || name == "testdata" {
			continue
		}
		gateways++
		files, err := filepath.Glob(filepath.Join(name, "*.go"))
		require.NoError(t, err)
		var sources []string
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				source, err := os.ReadFile(file)
				require.NoError(t, err)
				sources = append(sources, string(source))
			}
		}
		require.Empty(t, comparisons(t, sources...), "of the gateway %s", name)
	}
	require.Positive(t, gateways)
}

// The check finds what it is for.
func TestTheCheckOfComparisonsFindsThem(t *testing.T) {
	t.Parallel()
	const good = `sum := sha512.Sum512(text); if subtle.ConstantTimeCompare(sum[:], o.text("signature_key")) == 1 { ok() }`
	for body, want := range map[string]string{
		good: "",
		`given, err := hex.DecodeString(o.text("signature_key")); if err != nil || len(given) != 64 { return }; ` + good:               "",
		`mac := hmac.New(sha256.New, key); mac.Write(body); if hmac.Equal(mac.Sum(nil), []byte(r.Header.Get("X-Signature"))) { ok() }`: "",
		`if name == "signature_key" { drop() }; ` + good:                                                                               "",
		`ok()`: "no constant-time comparison",
		`sum := sha512.Sum512(text); if gatewaykit.IsHexOf(o.text("signature_key"), sum[:]) { ok() }`:            "",
		good + `; sum := sha512.Sum512(text); if hex.EncodeToString(sum[:]) == o.text("signature_key") { ok() }`: "==",
		good + `; if o.text("signature_key") != want { no() }`:                                                   "!=",
		good + `; given := n.SignatureKey; if given == want { ok() }`:                                            "==",
		good + `; if strings.EqualFold(given, n.Signature) { ok() }`:                                             "strings.EqualFold",
		good + `; a := sha256.Sum256(x); b := a[:]; if bytes.Equal(b, y) { ok() }`:                               "bytes.Equal",
		good + `; mac := hmac.New(sha256.New, key); order := bytes.Compare(mac.Sum(nil), y); use(order)`:         "bytes.Compare",
		good + `; if reflect.DeepEqual(sum, y) { ok() }`:                                                         "reflect.DeepEqual",
		good + `; switch o.text("signature_key") { case want: ok() }`:                                            "switch",
		good + `; if valid[o.text("signature_key")] { ok() }`:                                                    "index",
		good + `; var given string; given = o.text("signature_key"); if strings.HasPrefix(given, want) { ok() }`: "strings.HasPrefix",
		good + `; if slices.Contains(valid, o.text("signature_key")) { ok() }`:                                   "slices.Contains",
		good + `; for _, s := range o.list("signatures") { if s == want { ok() } }`:                              "==",
		good + `; func() { given := strings.ToLower(o.text("signature_key")); if given == want { ok() } }()`:     "==",
	} {
		found := comparisons(t, "package p\nfunc f() {"+body+"}")
		if want == "" {
			require.Empty(t, found, body)
			continue
		}
		require.Len(t, found, 1, body)
		require.Contains(t, found[0], want, body)
	}
}

// comparisons are the faults of a gateway's sources.
func comparisons(t *testing.T, sources ...string) []string {
	t.Helper()
	var faults []string
	constant := false
	for _, source := range sources {
		file, err := parser.ParseFile(token.NewFileSet(), "", source, 0)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Body != nil {
				c := comparing{secret: map[string]bool{}, in: f.Name.Name}
				c.learn(f.Body)
				ast.Inspect(f.Body, c.check)
				faults, constant = append(faults, c.faults...), constant || c.constant
			}
		}
	}
	if !constant {
		faults = append(faults, "there is no constant-time comparison")
	}
	return faults
}

// comparing goes through one function.
type comparing struct {
	in       string
	secret   map[string]bool // variables that hold what comes of a signature or a hash
	faults   []string
	constant bool
}

// learn follows assignments until it knows no more.
func (c *comparing) learn(body ast.Node) {
	for before := -1; before != len(c.secret); {
		before = len(c.secret)
		ast.Inspect(body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for i, to := range n.Lhs {
					if c.touches(n.Rhs[min(i, len(n.Rhs)-1)]) {
						c.mark(to)
					}
				}
			case *ast.RangeStmt:
				if c.touches(n.X) && n.Value != nil {
					c.mark(n.Value)
				}
			}
			return true
		})
	}
}

func (c *comparing) mark(to ast.Expr) {
	if name, ok := to.(*ast.Ident); ok && name.Name != "_" && name.Name != "err" {
		c.secret[name.Name] = true
	}
}

// touches reports whether a value comes of a signature or a hash.
func (c *comparing) touches(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			name := types.ExprString(n.Fun)
			switch {
			case isConstantTime(name), name == "len":
				return false
			case strings.HasPrefix(name, "sha") && strings.Contains(name, ".Sum"), name == "hmac.New":
				found = true
			}
			for _, arg := range n.Args {
				if l, ok := arg.(*ast.BasicLit); ok && strings.Contains(strings.ToLower(l.Value), "signature") {
					found = true
				}
			}
		case *ast.SelectorExpr:
			found = found || strings.Contains(strings.ToLower(n.Sel.Name), "signature")
		case *ast.Ident:
			found = found || c.secret[n.Name]
		}
		return !found
	})
	return found
}

func isConstantTime(call string) bool {
	return call == "subtle.ConstantTimeCompare" || call == "hmac.Equal" || call == "gatewaykit.IsHexOf"
}

// check notes what compares such a value.
func (c *comparing) check(n ast.Node) bool {
	fault := func(what string) {
		c.faults = append(c.faults, fmt.Sprintf("%s: %s of a signature or a hash", c.in, what))
	}
	switch n := n.(type) {
	case *ast.BinaryExpr:
		switch n.Op {
		case token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ:
			if !isNil(n.X) && !isNil(n.Y) && (c.touches(n.X) || c.touches(n.Y)) {
				fault(n.Op.String())
				return false
			}
		}
	case *ast.SwitchStmt:
		if n.Tag != nil && c.touches(n.Tag) {
			fault("switch")
		}
	case *ast.IndexExpr:
		if c.touches(n.Index) {
			fault("index")
		}
	case *ast.CallExpr:
		name := types.ExprString(n.Fun)
		touched := false
		for _, arg := range n.Args {
			touched = touched || c.touches(arg)
		}
		switch {
		case isConstantTime(name):
			c.constant = c.constant || touched
			return false
		case touched && comparesItsArguments(name):
			fault(name)
			return false
		}
	}
	return true
}

func isNil(e ast.Expr) bool { return types.ExprString(e) == "nil" }

// comparesItsArguments: of the standard library, what answers by what is equal.
func comparesItsArguments(name string) bool {
	pkg, f, _ := strings.Cut(name, ".")
	switch pkg {
	case "bytes", "strings", "slices", "maps", "reflect", "cmp", "regexp":
		for _, word := range []string{"Equal", "Compare", "Contains", "HasPrefix", "HasSuffix", "Index", "Count", "Cut", "Search", "Match"} {
			if strings.Contains(f, word) {
				return true
			}
		}
	}
	return false
}

package matrix

import (
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/go/packages"
)

// The methods of the core's interfaces, to the store and to gateways: those
// that write or call out are what points stand around, and a new one must be
// put into one of these lists.
var (
	writing = map[string][]string{
		"PaymentStore":  {"Update", "LeasePayments"},
		"DeliveryStore": {"LeaseDeliveries", "Finish", "Lanes"},
		"Cleaner":       {"Clean"},
		"RecordStore":   {"UpdateRecord"},
		"Gateway":       {"Checkout"},
		"StatusReader":  {"Status"},
		"Canceler":      {"Cancel"},
		"Expirer":       {"Expire"},
		"Refunder":      {"Refund"},
		"Capturer":      {"Capture"},
		"Reviewer":      {"Approve", "Deny"},
		"Linker":        {"CreateLink", "DeleteLink"},
		"Subscriber": {
			"CreateSubscription", "Subscription", "UpdateSubscription", "PauseSubscription", "ResumeSubscription", "CancelSubscription",
		},
	}
	harmless = map[string][]string{
		"PaymentStore":  {"Get", "Payments", "Events", "Messages"},
		"DeliveryStore": {"Deliveries"},
		"ClaimStore":    {"Claims"},
		"RecordStore":   {"Record", "Records"},
		"Listener":      {"Listen"},
		"MethodLister":  {"Methods"},
		"MethodChooser": {"NeedsMethod"},
		"Router":        {"Route"},
		"Linker":        {"Link"}, // nothing in the core asks for it
		"Gateway":       {"Name", "ReadNotification"},
		"Clock":         {"Now", "After"},
		"Catalog":       {"Plan", "Item"},
	}
)

// plumbing are functions through which others write or call: the point is
// whose write or call it is.
var plumbing = named(inCore, "update", "updateID", "lookUp", "seeLanes", "updateRecord", "updateLink",
	"updateSubscription", "turn").and(inStore, "sqlWire.one", "sqlWire.send", "pgxWire.send", "conn.do", "conn.exec", "repeat",
	"transact", "inTransaction", "onLive", "writeLocked", "write")

// exempt are functions that look as if they wrote, and why they are not killed.
var exempt = map[string]string{
	inCore + "Lanes":               "lists lanes, and changes none",
	inStore + "turn.SessionUnlock": "ends a migration: all of its statements have points, under Migrate",
}

type names map[string]bool

func named(in string, functions ...string) names { return names{}.and(in, functions...) }

func (n names) and(in string, functions ...string) names {
	for _, f := range functions {
		n[in+f] = true
	}
	return n
}

// source is what the source says: the functions that write or call out, each
// with how.
type source struct{ core, store map[string][]string }

func readSource(t *testing.T) source {
	t.Helper()
	const mode = packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports
	found, err := packages.Load(&packages.Config{Mode: mode}, strings.TrimSuffix(inCore, "."), strings.TrimSuffix(inStore, "."))
	require.NoError(t, err)
	require.Len(t, found, 2)
	src := source{}
	for _, p := range found {
		require.Empty(t, p.Errors)
		if p.PkgPath+"." == inCore {
			requireKnown(t, p.Types)
			src.core = writers(p, inCore, callsOut)
		} else {
			src.store = writers(p, inStore, commits)
		}
	}
	return src
}

// requireKnown demands that each interface with which the core reaches out is
// in the lists, method by method.
func requireKnown(t *testing.T, core *types.Package) {
	t.Helper()
	for _, name := range core.Scope().Names() {
		declared, ok := core.Scope().Lookup(name).(*types.TypeName)
		if !ok {
			continue
		}
		as, ok := declared.Type().Underlying().(*types.Interface)
		if !ok {
			continue
		}
		for m := range as.ExplicitMethods() {
			if m.Exported() {
				require.Contains(t, slices.Concat(writing[name], harmless[name]), m.Name(),
					"%s.%s: does it write or call out? Say so in writing or harmless", name, m.Name())
			}
		}
	}
}

// use tells how a function writes or calls out when it uses an object.
type use func(info *types.Info, id *ast.Ident) string

// callsOut: the core writes through a store's interface and calls a gateway's.
func callsOut(info *types.Info, id *ast.Ident) string {
	f, ok := info.Uses[id].(*types.Func)
	if !ok || f.Pkg() == nil || f.Pkg().Path()+"." != inCore {
		return ""
	}
	receiver := f.Signature().Recv()
	if receiver == nil {
		return ""
	}
	of, ok := receiver.Type().(*types.Named)
	if !ok || !slices.Contains(writing[of.Obj().Name()], f.Name()) {
		return ""
	}
	if strings.HasSuffix(of.Obj().Name(), "Store") || of.Obj().Name() == "Cleaner" {
		return f.Name()
	}
	return "gateway's " + f.Name()
}

// commits: the store commits by GORM, or, see literals, by statement.
func commits(info *types.Info, id *ast.Ident) string {
	f, ok := info.Uses[id].(*types.Func)
	if ok && f.Name() == "Commit" && f.Pkg() != nil && (f.Pkg().Path() == "gorm.io/gorm" || f.Pkg().Path() == "database/sql") {
		return "COMMIT"
	}
	return ""
}

// writers are the functions of a package that write or call out, by
// themselves or through plumbing.
func writers(p *packages.Package, in string, how use) map[string][]string {
	direct := map[string]map[string]bool{}  // how
	through := map[string]map[string]bool{} // which plumbing
	for _, file := range p.Syntax {
		for _, declared := range file.Decls {
			f, ok := declared.(*ast.FuncDecl)
			if !ok || f.Body == nil {
				continue
			}
			name := declaredName(f)
			direct[name], through[name] = map[string]bool{}, map[string]bool{}
			ast.Inspect(f.Body, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.Ident:
					if what := how(p.TypesInfo, n); what != "" {
						direct[name][what] = true
					}
					if called, ok := p.TypesInfo.Uses[n].(*types.Func); ok && called.Pkg() == p.Types {
						if by := usedName(called); plumbing[in+by] {
							through[name][by] = true
						}
					}
				case *ast.BasicLit:
					if text, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil && text == "COMMIT" {
						direct[name]["COMMIT"] = true
					}
				}
				return true
			})
		}
	}
	var ways func(name string, seen map[string]bool) map[string]bool
	ways = func(name string, seen map[string]bool) map[string]bool {
		all := maps.Clone(direct[name])
		for by := range through[name] {
			if !seen[by] {
				seen[by] = true
				maps.Copy(all, ways(by, seen))
			}
		}
		return all
	}
	found := map[string][]string{}
	for name := range direct {
		if all := ways(name, map[string]bool{}); len(all) > 0 && !plumbing[in+name] && exempt[in+name] == "" {
			found[name] = slices.Sorted(maps.Keys(all))
		}
	}
	return found
}

// declaredName and usedName name functions as points do.
func declaredName(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	of := f.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	if generic, ok := of.(*ast.IndexExpr); ok {
		of = generic.X
	}
	return method(of.(*ast.Ident).Name, f.Name.Name)
}

func usedName(f *types.Func) string {
	receiver := f.Signature().Recv()
	if receiver == nil {
		return f.Name()
	}
	of := receiver.Type()
	if pointer, ok := of.(*types.Pointer); ok {
		of = pointer.Elem()
	}
	if of, ok := of.(*types.Named); ok {
		return method(of.Obj().Name(), f.Name())
	}
	return f.Name()
}

func method(of, name string) string {
	if of == "Service" || of == "Store" {
		return name
	}
	return of + "." + name
}

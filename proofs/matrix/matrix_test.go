package matrix

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/storage/gormstore/scratch"
)

var (
	tableTo = flag.String("table", "", "write the matrix to this file, or to standard output if it is -")
	deep    = flag.Bool("deep", false, "kill at each point in each scenario that passes it, and not in the first only")
	seed    = flag.Uint64("seed", 0, "chooses what -short leaves out; 0 is another one each time")
)

// workers is how many cases of one database run at once.
const workers = 2

// oneKill is one case: a scenario, and where the shop dies in it.
type oneKill struct {
	scenario scenario
	point    string
}

// result is what came of a case.
type result struct {
	dialect, point string
	lost, doubled  int
}

// TestCrashMatrix kills a shop at every point that it passes, on each
// database. With -short, or under the race detector, that is every point on
// SQLite, but of a migration's statements and of those on servers a random third.
func TestCrashMatrix(t *testing.T) {
	src := readSource(t)
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	var mu sync.Mutex
	var results []result
	var dialects []string
	t.Run("kill", func(t *testing.T) {
		for _, dialect := range scratch.Dialects {
			t.Run(dialect, func(t *testing.T) {
				t.Parallel()
				places := make([]*place, workers)
				for i := range places {
					places[i] = newPlace(t, dialect)
				}
				kills := record(t, places[0])
				src.requirePassed(t, dialect, kills)
				migrating := choose(t, recordMigration(t, places[1]))
				if dialect != "sqlite" {
					kills = choose(t, kills)
				}
				found := walk(t, places, slices.Concat(kills, migrating))
				mu.Lock()
				defer mu.Unlock()
				results = append(results, found...)
				dialects = append(dialects, dialect)
			})
		}
	})
	slices.SortFunc(dialects, func(a, b string) int { return slices.Index(scratch.Dialects, a) - slices.Index(scratch.Dialects, b) })
	text := table(dialects, results)
	switch *tableTo {
	case "":
	case "-":
		_, err := os.Stdout.WriteString(text)
		require.NoError(t, err)
	default:
		require.NoError(t, os.WriteFile(*tableTo, []byte(text), 0o600))
	}
}

// record plays all scenarios without a kill, and returns what they passed.
func record(t *testing.T, p *place) (kills []oneKill) {
	t.Helper()
	known := map[string]bool{}
	for _, s := range slices.Concat(scenarios, linkScenarios, renewalScenarios, gatewayScenarios) {
		t.Run("record "+s.name, func(t *testing.T) {
			w := newWorld(t, p, target{})
			defer w.end()
			requireSound(t, w.play(s))
			seen := map[string]bool{}
			for _, point := range w.soFar() {
				if seen[point] || known[point] && !*deep {
					continue
				}
				seen[point], known[point] = true, true
				kills = append(kills, oneKill{s, point})
			}
		})
	}
	return kills
}

// play plays a scenario to its end, and compares.
func (w *world) play(s scenario) *verdict {
	w.t.Helper()
	s.play(w)
	w.afterwards()
	v := w.read().compare(w.model)
	w.compareLinks(v)
	return v
}

func requireSound(t *testing.T, v *verdict) {
	t.Helper()
	require.Empty(t, v.lost, "lost")
	require.Empty(t, v.doubled, "doubled")
}

// raceDetector: everything takes several times as long.
func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// choose leaves out two of three points, with -short or the race detector.
func choose(t *testing.T, all []oneKill) []oneKill {
	t.Helper()
	if !testing.Short() && !raceDetector() {
		return all
	}
	t.Logf("a third of %d points, chosen by -seed=%d", len(all), *seed)
	random := rand.New(rand.NewPCG(*seed, 0))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:(len(all)+2)/3]
}

// walk runs the cases.
func walk(t *testing.T, places []*place, kills []oneKill) (results []result) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	queue := make(chan oneKill, len(kills))
	for _, k := range kills {
		queue <- k
	}
	close(queue)
	for _, p := range places {
		all.Go(func() {
			for k := range queue {
				t.Run(fmt.Sprintf("%s in %s", k.point, k.scenario.name), func(t *testing.T) {
					r := result{dialect: p.birth.Dialect, point: k.point, lost: 1} // if it does not come to its end
					defer func() {
						mu.Lock()
						defer mu.Unlock()
						results = append(results, r)
					}()
					v := k.run(t, p)
					r.lost, r.doubled = len(v.lost), len(v.doubled)
					requireSound(t, v)
				})
			}
		})
	}
	all.Wait()
	return results
}

// run kills the shop once, and returns what was lost and doubled by it.
func (k oneKill) run(t *testing.T, p *place) *verdict {
	t.Helper()
	if name, _ := site(k.point); name == migrate {
		return k.migrate(t, p)
	}
	w := newWorld(t, p, target{Point: k.point, Nth: 1})
	defer w.end()
	v := w.play(k.scenario)
	require.Equal(t, 1, w.kills, "the shop came by without passing the point")
	return v
}

// requirePassed demands that whatever writes or calls out, as the source has
// it, was passed, before and after.
func (src source) requirePassed(t *testing.T, dialect string, kills []oneKill) {
	t.Helper()
	passed, stores := map[string]bool{}, map[string]bool{}
	for _, k := range kills {
		name, moment := site(k.point)
		passed[name+": "+moment] = true
		stores[storeOf(k.point)] = true
		require.True(t, slices.ContainsFunc(sites, func(s struct{ name, what string }) bool { return s.name == name }),
			"%s writes or calls out: say in sites what happens there", name)
	}
	require.NotEmpty(t, src.core)
	for name, ways := range src.core {
		for _, way := range ways {
			moments := []string{"before " + way, "after " + way}
			if _, called := strings.CutPrefix(way, "gateway's "); !called {
				moments = append(moments, "before COMMIT", "after COMMIT")
				if dialect != "sqlite" {
					moments = append(moments, "unanswered COMMIT")
				}
			}
			for _, moment := range moments {
				require.True(t, passed[name+": "+moment], "payments: %s writes or calls out (%s), and no scenario passes it %s", name, way, moment)
			}
		}
	}
	require.NotEmpty(t, src.store)
	for name := range src.store {
		require.True(t, stores[name], "gormstore: %s writes, and no scenario passes its COMMIT", name)
	}
}

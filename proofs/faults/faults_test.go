package faults

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/simkit"
)

// row is a test that gives a row of the table.
type row struct {
	fault string
	run   func(t *testing.T, fault string) result
}

// Something around a shop breaks while customers check out and pay, and the
// gateway notifies it, and again what is not taken. Then it is mended. See
// world.audit for what must be true in the end; what it took is printed.
func TestFaults(t *testing.T) {
	var p report
	var order []string
	t.Run("all", func(t *testing.T) {
		for _, rows := range [][]row{holeRows(), clockRows(), serverRows(), linkRows(), commitRows(), diskRows(), gatewayRows(), notificationRows()} {
			for _, r := range rows {
				order = append(order, r.fault)
				t.Run(r.fault, func(t *testing.T) {
					t.Parallel()
					p.add(r.run(t, r.fault))
				})
			}
		}
	})
	p.print(t, order)
}

const short = 2 * time.Second

// linkRows are faults of the connections between shop and database.
func linkRows() (rows []row) {
	for _, f := range []struct {
		name    string
		inject  func(toxic) (heal func())
		refuses bool
	}{
		{"database: connections cut, new ones refused", toxic.cut, true},
		{"database: connections reset", toxic.reset, true},
		{"database: slow, in small pieces", toxic.slow, false},
		{"database: stalled for 2 s", toxic.stall, false},
	} {
		for _, newDatabase := range databases {
			rows = append(rows, row{f.name, func(t *testing.T, fault string) result {
				d := newDatabase(t)
				proxy := newToxic(t, d.addr)
				w := newWorld(t, fault, d, around{database: proxy.addr()})
				return w.run(trial{inject: func() func() { return f.inject(proxy) }, last: short, refuses: f.refuses})
			}})
		}
	}
	return rows
}

// commitRows break connections at their COMMIT.
func commitRows() (rows []row) {
	for _, f := range []struct {
		name string
		at   cutting
	}{
		{"database: reset before COMMIT gets there", beforeCommit},
		{"database: reset after COMMIT, answer lost", afterCommit},
	} {
		for _, newDatabase := range databases {
			rows = append(rows, row{f.name, func(t *testing.T, fault string) result {
				d := newDatabase(t)
				proxy := newWire(t, d)
				w := newWorld(t, fault, d, around{database: proxy.addr()})
				// A batch whose COMMIT never got there is not known to have failed.
				return w.run(trial{inject: func() func() { return proxy.breakCommits(f.at) }, last: short, refuses: true})
			}})
		}
	}
	return rows
}

// holeRows let connections vanish for longer than the store's patience, which
// is 10 s.
func holeRows() (rows []row) {
	for _, newDatabase := range databases {
		rows = append(rows, row{"database: half-open, vanished for 20 s", func(t *testing.T, fault string) result {
			d := newDatabase(t)
			proxy := newWire(t, d)
			w := newWorld(t, fault, d, around{database: proxy.addr()})
			return w.run(trial{inject: proxy.vanish, last: 20 * time.Second})
		}})
	}
	return rows
}

// serverRows stop the database under load, and start it again.
func serverRows() (rows []row) {
	for _, s := range []struct {
		name   string
		open   func(*testing.T) (*server, database)
		signal syscall.Signal
	}{
		{"database: stopped at once (pg_ctl -m immediate), started", ownPostgres, syscall.SIGQUIT},
		{"database: stopped (pg_ctl -m fast), started", ownPostgres, syscall.SIGINT},
		{"database: SIGKILL, started", ownMariaDB, syscall.SIGKILL},
		{"database: SIGTERM, started", ownMariaDB, syscall.SIGTERM},
	} {
		rows = append(rows, row{s.name, func(t *testing.T, fault string) result {
			own, d := s.open(t)
			w := newWorld(t, fault, d, around{})
			return w.run(trial{
				inject:  func() func() { own.stop(s.signal); return own.start },
				last:    short / 2,
				refuses: true,
			})
		}})
	}
	return rows
}

// gatewayRows are faults between the shop and the gateway that it asks.
func gatewayRows() (rows []row) {
	for _, f := range []struct {
		name   string
		inject func(w *world, p toxic) (heal func())
		last   time.Duration
	}{
		{"gateway: connections refused", func(_ *world, p toxic) func() { return p.cut() }, short},
		{"gateway: connections reset", func(_ *world, p toxic) func() { return p.reset() }, short},
		{"gateway: answers cut in the middle", func(_ *world, p toxic) func() { return p.limit(150) }, short},
		{"gateway: answers with 5xx", func(w *world, _ toxic) func() {
			w.sim.Fail(simkit.Fault{Kind: simkit.Down, Count: -1})
			return w.sim.Heal
		}, short},
		{"gateway: answers after 6 s", func(_ *world, p toxic) func() { return p.add("latency", `"latency": 6000`, "downstream") }, 4 * short},
		{"gateway: stalled for 8 s", func(_ *world, p toxic) func() { return p.stall() }, 4 * short},
	} {
		rows = append(rows, row{f.name, func(t *testing.T, fault string) result {
			var proxy toxic
			w := newWorld(t, fault, newPostgres(t), around{gateway: func(t *testing.T, simulator string) toxic {
				proxy = newToxic(t, simulator)
				return proxy
			}})
			r := w.run(trial{
				inject: func() func() { return f.inject(w, proxy) }, last: f.last, refuses: true,
				check: func(during answers) string {
					if len(during.odd) > 0 {
						return fmt.Sprintf("odd answers: %q", during.odd)
					}
					return ""
				},
			})
			// Look-ups end after 4 s; the gateway would wait for 15 s.
			if r.longest > 12*time.Second {
				t.Errorf("a notification was answered after %s", r.longest)
			}
			return r
		}})
	}
	return rows
}

// notificationRows are faults between the gateway that notifies and the shop.
func notificationRows() (rows []row) {
	for _, f := range []struct {
		name   string
		inject func(toxic) (heal func())
	}{
		{"notifications: shop cannot be reached", toxic.cut},
		{"notifications: answers cut in the middle", func(p toxic) func() { return p.limit(30) }},
	} {
		rows = append(rows, row{f.name, func(t *testing.T, fault string) result {
			var proxy toxic
			w := newWorld(t, fault, newPostgres(t), around{front: func(t *testing.T, shop string) toxic {
				proxy = newToxic(t, shop)
				return proxy
			}})
			return w.run(trial{
				inject: func() func() { return f.inject(proxy) }, last: short,
				check: func(during answers) string {
					if during.none == 0 {
						return "the gateway got all answers"
					}
					return ""
				},
			})
		}})
	}
	return rows
}

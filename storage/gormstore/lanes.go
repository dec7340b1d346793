package gormstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lunaspay/lunas/payments"
)

// Lanes implements payments.DeliveryStore.
func (s *Store) Lanes(ctx context.Context, change payments.LaneChange) (lanes []payments.Lane, err error) {
	if len(change.Seen)+len(change.Retire) == 0 {
		lanes, err = listLanes(ctx, s.reader())
	} else {
		err = s.write(ctx, func(ctx context.Context, c *conn) error {
			if err := changeLanes(ctx, c, change); err != nil {
				return err
			}
			lanes, err = listLanes(ctx, c)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("lanes: %w", err)
	}
	return lanes, nil
}

// changeLanes locks the lanes in the order of their names.
func changeLanes(ctx context.Context, c *conn, change payments.LaneChange) error {
	seen := slices.SortedFunc(slices.Values(change.Seen), func(a, b payments.Lane) int { return cmp.Compare(a.Name, b.Name) })
	for _, by := range seen {
		l, err := lockLane(ctx, c, by.Name)
		if err != nil {
			return err
		}
		found := l.Name != ""
		l.See(by)
		if err := putLane(ctx, c, l, found); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(slices.Values(change.Retire)) {
		if err := retireLane(ctx, c, name, change.At); err != nil {
			return err
		}
	}
	return nil
}

// retireLane also dismisses what is on its way to a lane that is retired
// already: an update that had read the lanes before may have added to it since.
func retireLane(ctx context.Context, c *conn, name string, at time.Time) error {
	if !isText(name) {
		return nil
	}
	l, err := lockLane(ctx, c, name)
	if err != nil || l.Name == "" {
		return err
	}
	if l.RetiredAt.IsZero() {
		l.RetiredAt = at
		if err := putLane(ctx, c, l, true); err != nil {
			return err
		}
	}
	return dismissAll(ctx, c, payments.HookTarget(name), at)
}

// lockLane returns an empty lane if there is none of that name.
func lockLane(ctx context.Context, c *conn, name string) (payments.LaneRecord, error) {
	found, err := query(ctx, c, scanLane, "SELECT name, doc FROM lunas_lane WHERE name = ?"+c.store.dialect.lock, name)
	if err != nil || len(found) == 0 {
		return payments.LaneRecord{}, err
	}
	return found[0], nil
}

func scanLane(from row) (payments.LaneRecord, error) {
	var name, doc string
	if err := from.Scan(&name, &doc); err != nil {
		return payments.LaneRecord{}, err
	}
	return decode[payments.LaneRecord](doc, "lane "+name)
}

// putLane inserts a new one by a statement that fails if there is one by now.
func putLane(ctx context.Context, c *conn, l payments.LaneRecord, found bool) error {
	doc, err := document(l)
	if err != nil {
		return err
	}
	statement := "INSERT INTO lunas_lane (doc, name) VALUES (?, ?)"
	if found {
		statement = "UPDATE lunas_lane SET doc = ? WHERE name = ?"
	}
	_, err = c.exec(ctx, statement, doc, l.Name)
	return err
}

const laneSelect = "SELECT name, doc FROM lunas_lane ORDER BY name"

func listLanes(ctx context.Context, c *conn) ([]payments.Lane, error) {
	stored, err := query(ctx, c, scanLane, laneSelect)
	if err != nil {
		return nil, err
	}
	lanes := make([]payments.Lane, len(stored))
	for i, l := range stored {
		lanes[i] = l.Lane
	}
	return lanes, nil
}

// liveLanes are those that new events go to.
func liveLanes(stored []payments.LaneRecord) (lanes []payments.Lane) {
	for _, l := range stored {
		if l.RetiredAt.IsZero() {
			lanes = append(lanes, l.Lane)
		}
	}
	return lanes
}

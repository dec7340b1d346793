package gormstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/lunaspay/lunas/payments"
)

// Lanes implements payments.DeliveryStore.
func (s *Store) Lanes(ctx context.Context, change payments.LaneChange) (lanes []payments.Lane, err error) {
	if len(change.Seen)+len(change.Retire) == 0 {
		lanes, err = listLanes(ctx, s.reader())
	} else {
		err = s.write(ctx, func(ctx context.Context, c conn) error {
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

func changeLanes(ctx context.Context, c conn, change payments.LaneChange) error {
	for _, by := range change.Seen {
		l, err := loadLane(ctx, c, by.Name)
		if err != nil {
			return err
		}
		l.See(by)
		if err := putLane(ctx, c, l); err != nil {
			return err
		}
	}
	for _, name := range change.Retire {
		l, err := loadLane(ctx, c, name)
		if err != nil {
			return err
		}
		if l.Name == "" || !l.RetiredAt.IsZero() {
			continue
		}
		l.RetiredAt = change.At
		if err := putLane(ctx, c, l); err != nil {
			return err
		}
		if err := dismissAll(ctx, c, payments.HookTarget(name), change.At); err != nil {
			return err
		}
	}
	return nil
}

// loadLane returns an empty lane if there is none of that name.
func loadLane(ctx context.Context, c conn, name string) (payments.LaneRecord, error) {
	found, err := query(ctx, c, scanLane, "SELECT name, doc FROM lunas_lane WHERE name = ?", name)
	if err != nil || len(found) == 0 {
		return payments.LaneRecord{}, err
	}
	return found[0], nil
}

func scanLane(rows *sql.Rows) (payments.LaneRecord, error) {
	var name, doc string
	if err := rows.Scan(&name, &doc); err != nil {
		return payments.LaneRecord{}, err
	}
	return decode[payments.LaneRecord](doc, "lane "+name)
}

func putLane(ctx context.Context, c conn, l payments.LaneRecord) error {
	doc, err := document(l)
	if err != nil {
		return err
	}
	_, err = c.exec(ctx, "INSERT INTO lunas_lane (name, doc) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET doc = excluded.doc", l.Name, doc)
	return err
}

func listLanes(ctx context.Context, c conn) ([]payments.Lane, error) {
	stored, err := query(ctx, c, scanLane, "SELECT name, doc FROM lunas_lane ORDER BY name")
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
func liveLanes(ctx context.Context, c conn) ([]payments.Lane, error) {
	lanes, err := listLanes(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("read lanes: %w", err)
	}
	return slices.DeleteFunc(lanes, func(l payments.Lane) bool { return !l.RetiredAt.IsZero() }), nil
}

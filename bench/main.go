// Command bench measures how fast Lunas takes notifications, beside what one
// would write by hand, on the same machine and database, by turns. See its
// README for the method and its limits.
//
//	go run ./bench -short
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	if runChild(os.Args[1:]) {
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], planned, os.Stdout, os.Stderr)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	short, json bool
	rounds      int
	pattern     *regexp.Regexp
	postgres    string
	mysql       string
	folder      string
	profiles    string
	pool        int
	scale       int
	pools       []int
	// postgresAsked: its DSN was given, so a server that cannot be reached is
	// an error.
	postgresAsked bool
}

const localPostgres = "postgres://postgres@127.0.0.1:5432/postgres"

func parseFlags(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&o.short, "short", false, "fewer runs and messages: under two minutes")
	flags.BoolVar(&o.json, "json", false, "print one JSON object a line instead of a table")
	flags.IntVar(&o.rounds, "rounds", 0, "how often each contender has a turn in each run (default 7, with -short 2)")
	pattern := flags.String("run", "", "only the runs whose \"name/contender\" matches this regular `expression`")
	flags.StringVar(&o.postgres, "postgres", localPostgres, "`DSN` of a PostgreSQL server on which databases may be made")
	flags.StringVar(&o.mysql, "mysql", "", "`DSN` of a MariaDB or MySQL server, e.g. root@tcp(127.0.0.1:3306)/ (default: none; not with -short)")
	flags.StringVar(&o.folder, "dir", "", "`folder` for SQLite files (default: that for temporary files)")
	flags.StringVar(&o.profiles, "profile", "", "`folder` for processor profiles of the servers, one a contender and run (they slow them down)")
	flags.IntVar(&o.scale, "scale", 0, "also measure a shop that has had so many `payments`, e.g. 10000000 (some 55 GB; default: none)")
	flags.IntVar(&o.pool, "pool", 16, "database connections of each server")
	pools := flags.String("pools", "8,16,32,64", "pool `sizes` to try out for the floor, of which it keeps the best; not with -short")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	flags.Visit(func(f *flag.Flag) { o.postgresAsked = o.postgresAsked || f.Name == "postgres" })
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	if o.pattern, err = regexp.Compile(*pattern); err != nil {
		return o, fmt.Errorf("-run: %w", err)
	}
	if o.rounds == 0 {
		o.rounds = 7
		if o.short {
			o.rounds = 2
		}
	}
	if o.rounds < 1 || o.pool < 1 {
		return o, errors.New("-rounds and -pool must be at least 1")
	}
	if o.scale != 0 && o.scale <= fewPayments {
		return o, fmt.Errorf("-scale must be more than %d, with which it is compared", fewPayments)
	}
	for text := range strings.SplitSeq(*pools, ",") {
		if text == "" || o.short {
			continue
		}
		size, err := strconv.Atoi(text)
		if err != nil || size < 1 {
			return o, fmt.Errorf("-pools: %q is no number of connections", text)
		}
		o.pools = append(o.pools, size)
	}
	return o, nil
}

// run carries out the plan that the arguments select. It fails if what
// Lunas or a floor did is void.
func run(ctx context.Context, args []string, plan func(short bool) []runSpec, stdout, stderr io.Writer) (err error) {
	o, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp(o.folder, "lunas-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() {
		if removed := os.RemoveAll(folder); err == nil {
			err = removed
		}
	}()
	m, err := thisMachine(folder)
	if err != nil {
		return err
	}
	b := &bench{pool: o.pool, profiles: o.profiles, places: map[string]place{}, say: func(format string, args ...any) {
		_, _ = fmt.Fprintf(stderr, format+"\n", args...)
	}}
	defer func() {
		if dropped := b.closeShops(ctx); err == nil {
			err = dropped
		}
	}()
	wanted := plan(o.short)
	if o.scale > 0 {
		wanted = append(wanted, scaled(fewPayments, o.scale, o.short)...)
	}
	runs, err := b.reach(ctx, o, selected(wanted, o.pattern), folder, m.Databases)
	if err != nil {
		return err
	}
	if !o.short {
		setPools(runs, o.pools)
		if m.Notes, err = b.trySizes(ctx, runs); err != nil {
			return err
		}
	}
	var samples []sample
	for round := range o.rounds {
		more, err := b.round(ctx, runs, round)
		if err != nil {
			return err
		}
		samples = append(samples, more...)
	}
	m.Notes = append(m.Notes, b.notes...)
	results := summarize(runs, samples)
	write := writeTable
	if o.json {
		write = writeJSON
	}
	if err := write(stdout, m, results); err != nil {
		return err
	}
	if void(results) {
		return errors.New("a run is void: something was lost, doubled or refused")
	}
	return nil
}

// setPools lets the sizes of pools be tried out in those runs in which they
// matter.
func setPools(runs []runSpec, pools []int) {
	for i, run := range runs {
		switch {
		case run.sized != "pool" || run.concurrency == 1 || run.floor == "":
		case run.dialect == sqlite:
			runs[i].sizes = []int{1, 2, sqlitePool}
		default:
			runs[i].sizes = pools
		}
	}
}

// reach leaves out the runs whose database is not there, unless it was asked
// for, and notes the versions of the others.
func (b *bench) reach(ctx context.Context, o options, runs []runSpec, folder string, found map[string]string) ([]runSpec, error) {
	all := map[string]place{
		sqlite: {sqlite, folder}, postgres: {postgres, o.postgres}, mariaDB: {mariaDB, o.mysql},
	}
	var some []runSpec
	missing := map[string]bool{mariaDB: o.mysql == ""}
	for _, run := range runs {
		if run.dialect == "" { // needs none
			some = append(some, run)
			continue
		}
		p := all[run.dialect]
		if _, known := found[run.dialect]; !known && !missing[run.dialect] {
			version, err := p.inspect(ctx)
			switch {
			case err == nil:
				found[run.dialect], b.places[run.dialect] = version, p
			case run.dialect == postgres && !o.postgresAsked && os.Getenv("CI") != "true" && ctx.Err() == nil:
				missing[run.dialect] = true
				b.say("no runs on PostgreSQL: %v\n    give a server with -postgres DSN", err)
			default:
				return nil, fmt.Errorf("%s: %w", run.dialect, err)
			}
		}
		if !missing[run.dialect] {
			some = append(some, run)
		}
	}
	if len(some) == 0 {
		return nil, errors.New("there is nothing to run; see -run, -postgres and -mysql")
	}
	return some, nil
}

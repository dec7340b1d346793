package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// machine is what the figures were made on. Without it they say nothing.
type machine struct {
	Cores    int    `json:"cores"`
	CPU      string `json:"cpu,omitempty"`
	MemoryMB int    `json:"memory_mb,omitempty"`
	System   string `json:"system"`
	Go       string `json:"go"`
	// Sync is the median time of making 4 KiB durable in the folder of the
	// SQLite files. Far below 0.1 ms it is no disk.
	Sync float64 `json:"fsync_ms"`
	// Load is how many processes wanted the machine in the minute before. What
	// was made beside other work is worth little.
	Load string `json:"load_before,omitempty"`
	// Databases and Modules are versions.
	Databases map[string]string `json:"databases"`
	Modules   map[string]string `json:"modules"`
	// Notes are choices that were made on this machine, such as pool sizes.
	Notes []string `json:"notes,omitempty"`
}

func thisMachine(folder string) (machine, error) {
	m := machine{
		Cores: runtime.GOMAXPROCS(0), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
		CPU: field("/proc/cpuinfo", "model name"), Databases: map[string]string{}, Modules: map[string]string{},
	}
	var kilobytes int
	if _, err := fmt.Sscan(field("/proc/meminfo", "MemTotal"), &kilobytes); err == nil {
		m.MemoryMB = kilobytes / 1024
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(text), " ")
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if slices.Contains(drivers, dep.Path) {
				m.Modules[dep.Path] = dep.Version
			}
		}
	}
	var err error
	m.Sync, err = syncTime(folder)
	return m, err
}

// drivers are the modules whose versions matter.
var drivers = []string{
	"gorm.io/gorm", "github.com/jackc/pgx/v5", "github.com/go-sql-driver/mysql", "modernc.org/sqlite",
}

// field is the value behind "name:" in a file of Linux, or nothing: other
// systems have no such file.
func field(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func syncTime(folder string) (float64, error) {
	file, err := os.Create(filepath.Join(folder, "sync"))
	if err != nil {
		return 0, fmt.Errorf("measure fsync: %w", err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	var took []time.Duration
	for range 100 {
		begin := time.Now()
		if _, err := file.Write(make([]byte, 4096)); err != nil {
			return 0, fmt.Errorf("measure fsync: %w", err)
		}
		if err := file.Sync(); err != nil {
			return 0, fmt.Errorf("measure fsync: %w", err)
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	return percentile(took, 50), nil
}

// String is a few lines for people.
func (m machine) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d cores (%s), %d MB, %s, %s, fsync %.2f ms, load before %s\n",
		m.Cores, m.CPU, m.MemoryMB, m.System, m.Go, m.Sync, cmp.Or(m.Load, "unknown"))
	b.WriteString(versions(m.Databases) + "; " + versions(m.Modules))
	for _, note := range m.Notes {
		b.WriteString("\n" + note)
	}
	return b.String()
}

func versions(of map[string]string) string {
	var all []string
	for name, version := range of {
		all = append(all, name+" "+version)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

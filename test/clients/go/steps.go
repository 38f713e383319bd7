// What the clients share: each step's result is one line of JSON.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"time"
)

type step struct {
	name string
	run  func() (any, error)
}

// none says why a client has no such step.
type none struct{ reason string }

func (n none) Error() string { return n.reason }

func say(line map[string]any) {
	text, err := json.Marshal(line)
	if err != nil {
		text, _ = json.Marshal(map[string]any{"step": line["step"], "error": err.Error()})
	}
	fmt.Println(string(text))
}

// plain has no value that JSON cannot tell.
func plain(value any) any {
	switch value := value.(type) {
	case nil, bool, string, int, int16, int32, int64:
		return value
	case float32, float64:
		return fmt.Sprintf("%T:%v", value, value)
	case []byte:
		return fmt.Sprintf("bytes:%x", value)
	case time.Time:
		return value.UTC().Format(time.RFC3339Nano)
	case []any:
		list := make([]any, len(value))
		for i, item := range value {
			list[i] = plain(item)
		}
		return list
	case [][]any:
		list := make([]any, len(value))
		for i, item := range value {
			list[i] = plain(item)
		}
		return list
	default:
		return fmt.Sprintf("%T:%v", value, value)
	}
}

func session(module string, steps []step) {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range info.Deps {
			if dependency.Path == module {
				version = dependency.Version[1:]
			}
		}
	}
	say(map[string]any{"client": os.Args[1], "version": version})
	for _, each := range steps {
		result, err := each.run()
		if missing, ok := err.(none); ok {
			say(map[string]any{"step": each.name, "none": missing.reason})
		} else if err != nil {
			say(map[string]any{"step": each.name, "error": err.Error()})
		} else {
			say(map[string]any{"step": each.name, "result": result})
		}
	}
}

// must is for what has to work: the step fails with it.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// trying turns a panic of must into the step's error.
func trying(run func() any) func() (any, error) {
	return func() (result any, err error) {
		defer func() {
			if thrown := recover(); thrown != nil {
				if err, _ = thrown.(error); err == nil {
					panic(thrown)
				}
			}
		}()
		return run(), nil
	}
}

func main() {
	switch os.Args[1] {
	case "pgx":
		runPgx(os.Args[2])
	case "pq":
		runPq(os.Args[2])
	}
}

package process

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// The test binary is the program that the tests' instances run. The variable
// says which.
const programVariable = "TEST_PROGRAM"

var programs = map[string]func(){
	"http":     func() { serve(nil) },
	"slow":     slow,
	"never":    func() { wait() },
	"worker":   func() { fmt.Println("working"); wait() },
	"crash":    crash,
	"crashing": crashAsked,
	"stubborn": stubborn,
	"parent":   parent,
	"child":    func() { signal.Ignore(syscall.SIGTERM); select {} },
	"lines":    lines,
	"leak":     leak,
	"127":      func() { os.Exit(127) },
	"moody":    moody,
	"h2c":      func() { serve(nil) },
	"churn":    churn,
	"fulldisk": fullDisk,
}

func TestMain(m *testing.M) {
	if run, ok := programs[os.Getenv(programVariable)]; ok {
		run()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// wait waits for SIGTERM.
func wait() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	<-end
}

// serve serves on PORT until SIGTERM.
func serve(mux *http.ServeMux) {
	if mux == nil {
		mux = http.NewServeMux()
	}
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/pid", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, os.Getpid()) })
	mux.HandleFunc("/env", func(w http.ResponseWriter, _ *http.Request) {
		for _, entry := range os.Environ() {
			fmt.Fprintln(w, entry)
		}
	})
	mux.HandleFunc("/open", func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(r.FormValue("path"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		kept = append(kept, f)
	})
	listener, err := net.Listen("tcp4", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	server := &http.Server{Handler: mux, Protocols: new(http.Protocols)}
	if os.Getenv(programVariable) == "h2c" {
		server.Protocols.SetUnencryptedHTTP2(true)
	} else {
		server.Protocols.SetHTTP1(true)
	}
	go func() { _ = server.Serve(listener) }()
	if os.Getenv(programVariable) == "stubborn" {
		select {}
	}
	wait()
}

var kept []*os.File

// slow listens once a file is there.
func slow() {
	for tick := time.Tick(5 * time.Millisecond); ; <-tick {
		if _, err := os.Stat(os.Getenv("GO_FILE")); err == nil {
			serve(nil)
			return
		}
	}
}

func crash() {
	fmt.Println("about to fail with", os.Getenv("TOKEN"))
	os.Exit(3)
}

// crashAsked serves, and fails when asked to.
func crashAsked() {
	mux := http.NewServeMux()
	mux.HandleFunc("/crash", func(http.ResponseWriter, *http.Request) { os.Exit(4) })
	serve(mux)
}

// moody answers its probes as it is told to.
func moody() {
	mux := http.NewServeMux()
	for _, name := range []string{"/ready", "/live"} {
		status := http.StatusOK
		mux.HandleFunc(name, func(w http.ResponseWriter, r *http.Request) {
			if set := r.FormValue("set"); set != "" {
				status, _ = strconv.Atoi(set)
				return
			}
			w.WriteHeader(status)
		})
	}
	serve(mux)
}

func stubborn() {
	signal.Ignore(syscall.SIGTERM)
	fmt.Println("here to stay")
	serve(nil)
}

// parent serves, with a child of its session and one that left it, neither of
// which ends by SIGTERM.
func parent() {
	for _, setsid := range []bool{false, true} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), programVariable+"=child")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: setsid}
		if err := cmd.Start(); err != nil {
			panic(err)
		}
		fmt.Println("child", cmd.Process.Pid)
	}
	serve(nil)
}

// lines prints numbered lines as fast as it can, and how many when it is done.
func lines() {
	n, err := strconv.Atoi(os.Getenv("LINES"))
	if err != nil {
		panic(err)
	}
	out := bufio.NewWriterSize(os.Stdout, 1000) // so that writes cut through lines
	for i := range n {
		fmt.Fprintf(out, "line %d of a writer that is in a hurry\n", i)
	}
	_ = out.Flush()
	wait()
}

// leak holds 64 MiB.
func leak() {
	memory := make([]byte, 64<<20)
	for i := range memory {
		memory[i] = 1
	}
	serve(nil)
	fmt.Println(len(memory))
}

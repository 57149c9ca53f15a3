// Package server is the public API of the service: it identifies callers,
// checks requests, stores changes and reports what the nodes made of them.
package server

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/hcsroute/hcsroute/hostvm/fleet"
	"github.com/hcsroute/hcsroute/internal/certs"
	"github.com/hcsroute/hcsroute/internal/listen"
	pb "github.com/hcsroute/hcsroute/proto/hcsroute/v1"
	"github.com/hcsroute/hcsroute/routes"
	"github.com/hcsroute/hcsroute/store"
)

// Options are what a Server works with. Store and Fleet are required.
type Options struct {
	Store   store.Store
	Fleet   fleet.Fleet
	Policy  routes.Policy
	Log     *slog.Logger // nil: no log
	Version string
	Limits  Limits // zero fields take the defaults
	// CertificateProblems says what is wrong with the service's certificates;
	// nil: it has none.
	CertificateProblems func() []string
	// Certificates lists them; nil: it has none.
	Certificates func() []certs.Certificate
}

// Limits bound what callers can make the service do.
type Limits struct {
	Connections int           // of one listener at a time, a quarter of one caller; default 512
	Streams     uint32        // calls of one connection at a time; default 128
	Message     int           // bytes of a request; default 4 MiB
	Handshake   time.Duration // for a connection to become usable; default 5 s
	Stop        time.Duration // for calls under way at the end; default 10 s
}

func (l Limits) withDefaults() Limits {
	if l.Connections == 0 {
		l.Connections = 512
	}
	if l.Streams == 0 {
		l.Streams = 128
	}
	if l.Message == 0 {
		l.Message = 4 << 20
	}
	if l.Handshake == 0 {
		l.Handshake = 5 * time.Second
	}
	if l.Stop == 0 {
		l.Stop = 10 * time.Second
	}
	return l
}

// gate is how connections get in. A handshake takes milliseconds, so that few
// pending ones are enough.
func (l Limits) gate() listen.Limits {
	return listen.Limits{Pending: 128, PendingSource: 32, Members: l.Connections, MembersNamed: max(1, l.Connections/4), Reserved: 8}
}

// maxHeaders is the largest list of request headers, in bytes.
const maxHeaders = 16 << 10

// Server serves the API on any number of listeners.
type Server struct {
	store   store.Store
	fleet   fleet.Fleet
	policy  atomic.Pointer[routes.Policy]
	log     *slog.Logger
	version string
	limits  Limits
	started time.Time
	health  *health.Server
	denials *listen.Limiter

	certificateProblems func() []string
	certificates        func() []certs.Certificate

	listeners []*Listener // set before any call

	// stopping is closed to end waits and watches; writes under way go on.
	stopping chan struct{}
}

// New makes a server; Serve starts it.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.CertificateProblems == nil {
		o.CertificateProblems = func() []string { return nil }
	}
	if o.Certificates == nil {
		o.Certificates = func() []certs.Certificate { return nil }
	}
	s := &Server{
		certificateProblems: o.CertificateProblems, certificates: o.Certificates,
		store: o.Store, fleet: o.Fleet, log: o.Log, version: o.Version,
		limits: o.Limits.withDefaults(), started: time.Now(), health: health.NewServer(),
		denials:  listen.Strangers(),
		stopping: make(chan struct{}),
	}
	s.policy.Store(&o.Policy)
	return s
}

// SetPolicy puts another policy in force for later calls; stored routes stay.
func (s *Server) SetPolicy(p routes.Policy) { s.policy.Store(&p) }

// Serve serves until ctx ends, then stops: watches end with UNAVAILABLE, calls
// under way have Limits.Stop to finish. It closes the listeners. It is called once.
func (s *Server) Serve(ctx context.Context, listeners ...*Listener) error {
	for _, l := range listeners {
		if err := l.identifiesCallers(); err != nil {
			return errors.Join(err, CloseAll(listeners))
		}
	}
	s.setHealth()
	s.listeners = listeners
	group, ctx := errgroup.WithContext(ctx)
	servers := make([]*grpc.Server, len(listeners))
	for i, l := range listeners {
		servers[i] = s.newGRPC(l)
		group.Go(func() error {
			err := servers[i].Serve(listen.NewGate(l.Listener, s.limits.gate()))
			if errors.Is(err, grpc.ErrServerStopped) {
				return nil
			}
			return err
		})
	}
	group.Go(func() error {
		<-ctx.Done()
		s.health.Shutdown()
		close(s.stopping)
		s.stopAll(servers)
		return nil
	})
	return group.Wait()
}

// CloseAll closes listeners that are not served.
func CloseAll(listeners []*Listener) error {
	all := make([]error, len(listeners))
	for i, l := range listeners {
		all[i] = l.Close()
	}
	return errors.Join(all...)
}

// stopAll lets calls under way finish, but not for longer than Limits.Stop.
func (s *Server) stopAll(servers []*grpc.Server) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, g := range servers {
			g.GracefulStop()
		}
	}()
	late := time.NewTimer(s.limits.Stop)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		s.log.Warn("calls under way are cut off", "after", s.limits.Stop)
		for _, g := range servers {
			g.Stop()
		}
		<-done
	}
}

func (s *Server) newGRPC(l *Listener) *grpc.Server {
	params := keepalive.ServerParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}
	if !l.Local {
		// Connections end now and then, so that changed certificates count.
		params.MaxConnectionIdle, params.MaxConnectionAge, params.MaxConnectionAgeGrace = 15*time.Minute, time.Hour, 30*time.Second
	}
	g := grpc.NewServer(
		grpc.Creds(l.credentials(s.log)),
		grpc.MaxRecvMsgSize(s.limits.Message),
		grpc.MaxConcurrentStreams(s.limits.Streams),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.ConnectionTimeout(s.limits.Handshake),
		grpc.KeepaliveParams(params),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 20 * time.Second, PermitWithoutStream: true}),
		grpc.WaitForHandlers(true),
		// A goroutine for each call would grow its stack again each time.
		grpc.NumStreamWorkers(uint32(runtime.GOMAXPROCS(0))),
		grpc.UnaryInterceptor(s.unary),
		grpc.StreamInterceptor(s.stream),
	)
	pb.RegisterRouteServiceServer(g, &routeService{Server: s})
	pb.RegisterInventoryServiceServer(g, &inventoryService{Server: s})
	pb.RegisterAuditServiceServer(g, &auditService{Server: s})
	pb.RegisterMaintenanceServiceServer(g, &maintenanceService{Server: s})
	grpc_health_v1.RegisterHealthServer(g, liveHealth{s.health, s.setHealth})
	if l.Local {
		reflection.Register(g)
	}
	return g
}

type routeService struct {
	pb.UnimplementedRouteServiceServer
	*Server
}

type inventoryService struct {
	pb.UnimplementedInventoryServiceServer
	*Server
}

type auditService struct {
	pb.UnimplementedAuditServiceServer
	*Server
}

type maintenanceService struct {
	pb.UnimplementedMaintenanceServiceServer
	*Server
}

// untilStop is ctx, ending also when the service stops.
func (s *Server) untilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-s.stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

func (s *Server) isStopping() bool {
	select {
	case <-s.stopping:
		return true
	default:
		return false
	}
}

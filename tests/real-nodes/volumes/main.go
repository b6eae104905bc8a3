// A CSI driver whose disks are files of this machine, with a file system of their own in each: what is
// written has a limit, and a volume that grows really does.
//
//	volumes controller DISKS SOCKET   creates, attaches, grows and removes disks
//	volumes node DISKS NAME           mounts them on the node NAME, for its kubelet
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"path/filepath"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

const (
	driver   = "volumes.entityservice.example"
	topology = driver + "/node"
	kubelet  = "/var/lib/kubelet"
)

type identity struct {
	csi.UnimplementedIdentityServer
}

func (identity) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return &csi.GetPluginInfoResponse{Name: driver, VendorVersion: "1"}, nil
}

func (identity) GetPluginCapabilities(context.Context, *csi.GetPluginCapabilitiesRequest) (*csi.GetPluginCapabilitiesResponse, error) {
	service := func(kind csi.PluginCapability_Service_Type) *csi.PluginCapability {
		return &csi.PluginCapability{Type: &csi.PluginCapability_Service_{
			Service: &csi.PluginCapability_Service{Type: kind}}}
	}
	return &csi.GetPluginCapabilitiesResponse{Capabilities: []*csi.PluginCapability{
		service(csi.PluginCapability_Service_CONTROLLER_SERVICE),
		service(csi.PluginCapability_Service_VOLUME_ACCESSIBILITY_CONSTRAINTS),
		{Type: &csi.PluginCapability_VolumeExpansion_{VolumeExpansion: &csi.PluginCapability_VolumeExpansion{
			Type: csi.PluginCapability_VolumeExpansion_ONLINE}}},
	}}, nil
}

func (identity) Probe(context.Context, *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return &csi.ProbeResponse{}, nil
}

// register tells the kubelet where the driver listens.
type register struct {
	registration.UnimplementedRegistrationServer
	socket string
}

func (r register) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{Type: registration.CSIPlugin, Name: driver, Endpoint: r.socket,
		SupportedVersions: []string{"1.0.0"}}, nil
}

func (register) NotifyRegistrationStatus(_ context.Context, status *registration.RegistrationStatus) (*registration.RegistrationStatusResponse, error) {
	if !status.PluginRegistered {
		log.Fatalf("the kubelet refuses the driver: %s", status.Error)
	}
	return &registration.RegistrationStatusResponse{}, nil
}

// tell logs what failed.
func tell(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	response, err := handle(ctx, request)
	if err != nil {
		log.Printf("%s %v: %v", info.FullMethod, request, err)
	}
	return response, err
}

func listen(socket string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(socket), 0o755); err != nil {
		return nil, err
	}
	// A killed process leaves its socket.
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	return net.Listen("unix", socket)
}

func serve(socket string, service func(*grpc.Server)) error {
	listener, err := listen(socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(tell))
	service(server)
	return server.Serve(listener)
}

func run(arguments []string) error {
	if len(arguments) != 3 {
		return fmt.Errorf("usage: volumes controller DISKS SOCKET | volumes node DISKS NAME")
	}
	disks := disks(arguments[1])
	switch arguments[0] {
	case "controller":
		return serve(arguments[2], func(server *grpc.Server) {
			csi.RegisterIdentityServer(server, identity{})
			csi.RegisterControllerServer(server, &controller{disks: disks})
		})
	case "node":
		socket := filepath.Join(kubelet, "plugins", driver, "csi.sock")
		ended := make(chan error, 2)
		go func() {
			ended <- serve(socket, func(server *grpc.Server) {
				csi.RegisterIdentityServer(server, identity{})
				csi.RegisterNodeServer(server, &node{disks: disks, name: arguments[2]})
			})
		}()
		go func() {
			ended <- serve(filepath.Join(kubelet, "plugins_registry", driver+"-reg.sock"), func(server *grpc.Server) {
				registration.RegisterRegistrationServer(server, register{socket: socket})
			})
		}()
		return <-ended
	}
	return fmt.Errorf("unknown service %q", arguments[0])
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

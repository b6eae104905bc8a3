package main

import (
	"context"
	"errors"
	"sync"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// controller is the only one that changes what the folder of disks says.
type controller struct {
	csi.UnimplementedControllerServer
	disks disks
	mutex sync.Mutex
}

func (*controller) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	response := &csi.ControllerGetCapabilitiesResponse{}
	for _, kind := range []csi.ControllerServiceCapability_RPC_Type{
		csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME,
		csi.ControllerServiceCapability_RPC_PUBLISH_UNPUBLISH_VOLUME,
		csi.ControllerServiceCapability_RPC_EXPAND_VOLUME,
		csi.ControllerServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
	} {
		response.Capabilities = append(response.Capabilities, &csi.ControllerServiceCapability{
			Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{Type: kind}}})
	}
	return response, nil
}

// unsupported says what of it a disk cannot be, "" when it can.
func unsupported(wanted []*csi.VolumeCapability) string {
	for _, one := range wanted {
		if one.GetMount() == nil {
			return "only mounted file systems"
		}
		if kind := one.GetMount().GetFsType(); kind != "" && kind != "xfs" {
			return "only xfs"
		}
		switch one.GetAccessMode().GetMode() {
		case csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER,
			csi.VolumeCapability_AccessMode_SINGLE_NODE_READER_ONLY,
			csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER,
			csi.VolumeCapability_AccessMode_SINGLE_NODE_MULTI_WRITER:
		default:
			return "only one node at a time"
		}
	}
	return ""
}

// wholeSize is the size for what is required, in whole steps.
func wholeSize(wanted *csi.CapacityRange) (int64, error) {
	size := max(wanted.GetRequiredBytes(), smallest)
	size = (size + step - 1) / step * step
	if limit := wanted.GetLimitBytes(); limit != 0 && size > limit {
		return 0, status.Errorf(codes.OutOfRange, "no disk is smaller than %d bytes", size)
	}
	return size, nil
}

// where says in which place the disk is made, and from where it can be reached.
func where(request *csi.CreateVolumeRequest) (string, []*csi.Topology, error) {
	switch kind := request.GetParameters()["place"]; kind {
	case network:
		return network, nil, nil
	case "local":
		needed := request.GetAccessibilityRequirements()
		for _, one := range append(needed.GetPreferred(), needed.GetRequisite()...) {
			if name := one.GetSegments()[topology]; name != "" {
				return name, []*csi.Topology{{Segments: map[string]string{topology: name}}}, nil
			}
		}
		return "", nil, status.Error(codes.InvalidArgument, "a local disk needs to know its node")
	default:
		return "", nil, status.Errorf(codes.InvalidArgument, "place is net or local, not %q", kind)
	}
}

func (c *controller) CreateVolume(_ context.Context, request *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	if reason := unsupported(request.GetVolumeCapabilities()); reason != "" {
		return nil, status.Error(codes.InvalidArgument, reason)
	}
	if request.GetVolumeContentSource() != nil {
		return nil, status.Error(codes.InvalidArgument, "only empty disks")
	}
	size, err := wholeSize(request.GetCapacityRange())
	if err != nil {
		return nil, err
	}
	in, reachable, err := where(request)
	if err != nil {
		return nil, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	id := in + "/" + request.GetName()
	switch there, err := c.disks.size(id); {
	case errors.Is(err, errMissing):
		if err := c.disks.create(id, size); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case there != size:
		return nil, status.Errorf(codes.AlreadyExists, "it has %d bytes", there)
	}
	return &csi.CreateVolumeResponse{Volume: &csi.Volume{
		VolumeId: id, CapacityBytes: size, AccessibleTopology: reachable}}, nil
}

func (c *controller) DeleteVolume(_ context.Context, request *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	id := request.GetVolumeId()
	if _, err := c.disks.size(id); errors.Is(err, errMissing) {
		return &csi.DeleteVolumeResponse{}, nil
	}
	if holder, err := c.disks.holder(id); err != nil || holder != "" {
		return nil, status.Errorf(codes.FailedPrecondition, "attached to %s (%v)", holder, err)
	}
	return &csi.DeleteVolumeResponse{}, c.disks.remove(id)
}

func (c *controller) ControllerPublishVolume(_ context.Context, request *csi.ControllerPublishVolumeRequest) (*csi.ControllerPublishVolumeResponse, error) {
	id, node := request.GetVolumeId(), request.GetNodeId()
	if reason := unsupported([]*csi.VolumeCapability{request.GetVolumeCapability()}); reason != "" {
		return nil, status.Error(codes.InvalidArgument, reason)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if _, err := c.disks.size(id); err != nil {
		return nil, status.Error(codes.NotFound, err.Error())
	}
	if in := place(id); in != network && in != node {
		return nil, status.Errorf(codes.InvalidArgument, "the disk is part of %s", in)
	}
	holder, err := c.disks.holder(id)
	if err != nil {
		return nil, err
	}
	if holder != "" && holder != node {
		return nil, status.Errorf(codes.FailedPrecondition, "attached to %s", holder)
	}
	return &csi.ControllerPublishVolumeResponse{}, c.disks.attach(id, node)
}

func (c *controller) ControllerUnpublishVolume(_ context.Context, request *csi.ControllerUnpublishVolumeRequest) (*csi.ControllerUnpublishVolumeResponse, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	id, node := request.GetVolumeId(), request.GetNodeId()
	holder, err := c.disks.holder(id)
	if errors.Is(err, errMissing) || err == nil && node != "" && holder != node {
		return &csi.ControllerUnpublishVolumeResponse{}, nil
	}
	if err != nil {
		return nil, err
	}
	return &csi.ControllerUnpublishVolumeResponse{}, c.disks.detach(id)
}

func (c *controller) ControllerExpandVolume(_ context.Context, request *csi.ControllerExpandVolumeRequest) (*csi.ControllerExpandVolumeResponse, error) {
	size, err := wholeSize(request.GetCapacityRange())
	if err != nil {
		return nil, err
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	there, err := c.disks.size(request.GetVolumeId())
	if err != nil {
		return nil, status.Error(codes.NotFound, err.Error())
	}
	if there < size {
		if err := c.disks.grow(request.GetVolumeId(), size); err != nil {
			return nil, err
		}
	}
	return &csi.ControllerExpandVolumeResponse{CapacityBytes: max(there, size), NodeExpansionRequired: true}, nil
}

func (c *controller) ValidateVolumeCapabilities(_ context.Context, request *csi.ValidateVolumeCapabilitiesRequest) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	if _, err := c.disks.size(request.GetVolumeId()); err != nil {
		return nil, status.Error(codes.NotFound, err.Error())
	}
	if reason := unsupported(request.GetVolumeCapabilities()); reason != "" {
		return &csi.ValidateVolumeCapabilitiesResponse{Message: reason}, nil
	}
	return &csi.ValidateVolumeCapabilitiesResponse{Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{
		VolumeContext: request.GetVolumeContext(), VolumeCapabilities: request.GetVolumeCapabilities()}}, nil
}

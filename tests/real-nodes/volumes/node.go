package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// node runs among the mounts of the kubelet. The kubelet asks one thing at a time of one volume.
type node struct {
	csi.UnimplementedNodeServer
	disks disks
	name  string
}

func (n *node) NodeGetInfo(context.Context, *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return &csi.NodeGetInfoResponse{NodeId: n.name,
		AccessibleTopology: &csi.Topology{Segments: map[string]string{topology: n.name}}}, nil
}

// VOLUME_MOUNT_GROUP is not among them: fsGroup is the kubelet's work.
func (*node) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	response := &csi.NodeGetCapabilitiesResponse{}
	for _, kind := range []csi.NodeServiceCapability_RPC_Type{
		csi.NodeServiceCapability_RPC_STAGE_UNSTAGE_VOLUME,
		csi.NodeServiceCapability_RPC_EXPAND_VOLUME,
		csi.NodeServiceCapability_RPC_GET_VOLUME_STATS,
		csi.NodeServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
	} {
		response.Capabilities = append(response.Capabilities, &csi.NodeServiceCapability{
			Type: &csi.NodeServiceCapability_Rpc{Rpc: &csi.NodeServiceCapability_RPC{Type: kind}}})
	}
	return response, nil
}

func mounted(path string) bool {
	return exec.Command("mountpoint", "-q", path).Run() == nil
}

func mount(target string, arguments ...string) error {
	if mounted(target) {
		return nil
	}
	if err := os.MkdirAll(target, 0o750); err != nil {
		return err
	}
	return command("mount", append(arguments, target)...)
}

func unmount(target string) error {
	for mounted(target) {
		if err := command("umount", target); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) NodeStageVolume(_ context.Context, request *csi.NodeStageVolumeRequest) (*csi.NodeStageVolumeResponse, error) {
	id := request.GetVolumeId()
	if holder, err := n.disks.holder(id); err != nil || holder != n.name {
		return nil, status.Errorf(codes.FailedPrecondition, "attached to %q, not here (%v)", holder, err)
	}
	folder, err := n.disks.folder(id)
	if err != nil {
		return nil, status.Error(codes.NotFound, err.Error())
	}
	// The loop device is released with the last mount, also when the node is killed.
	options := append([]string{"loop"}, request.GetVolumeCapability().GetMount().GetMountFlags()...)
	return &csi.NodeStageVolumeResponse{}, mount(request.GetStagingTargetPath(),
		"-t", "xfs", "-o", strings.Join(options, ","), filepath.Join(folder, "disk"))
}

func (*node) NodeUnstageVolume(_ context.Context, request *csi.NodeUnstageVolumeRequest) (*csi.NodeUnstageVolumeResponse, error) {
	return &csi.NodeUnstageVolumeResponse{}, unmount(request.GetStagingTargetPath())
}

func (*node) NodePublishVolume(_ context.Context, request *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	if !mounted(request.GetStagingTargetPath()) {
		return nil, status.Error(codes.FailedPrecondition, "the disk is not mounted here")
	}
	options := "bind"
	if request.GetReadonly() {
		options = "bind,ro"
	}
	return &csi.NodePublishVolumeResponse{}, mount(request.GetTargetPath(), "-o", options,
		request.GetStagingTargetPath())
}

func (*node) NodeUnpublishVolume(_ context.Context, request *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	if err := unmount(request.GetTargetPath()); err != nil {
		return nil, err
	}
	if err := os.Remove(request.GetTargetPath()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return &csi.NodeUnpublishVolumeResponse{}, nil
}

func (*node) NodeExpandVolume(_ context.Context, request *csi.NodeExpandVolumeRequest) (*csi.NodeExpandVolumeResponse, error) {
	path := request.GetVolumePath()
	if !mounted(path) {
		return nil, status.Error(codes.NotFound, "the disk is not mounted here")
	}
	device, err := exec.Command("findmnt", "--noheadings", "--nofsroot", "--output=SOURCE", "--mountpoint", path).Output()
	if err != nil {
		return nil, err
	}
	if err := command("losetup", "--set-capacity", strings.TrimSpace(string(device))); err != nil {
		return nil, err
	}
	return &csi.NodeExpandVolumeResponse{}, command("xfs_growfs", "-d", path)
}

func (*node) NodeGetVolumeStats(_ context.Context, request *csi.NodeGetVolumeStatsRequest) (*csi.NodeGetVolumeStatsResponse, error) {
	var found unix.Statfs_t
	if !mounted(request.GetVolumePath()) {
		return nil, status.Error(codes.NotFound, "the disk is not mounted here")
	}
	if err := unix.Statfs(request.GetVolumePath(), &found); err != nil {
		return nil, err
	}
	block := found.Bsize
	usage := func(unit csi.VolumeUsage_Unit, total, free, available int64) *csi.VolumeUsage {
		return &csi.VolumeUsage{Unit: unit, Total: total, Used: total - free, Available: available}
	}
	return &csi.NodeGetVolumeStatsResponse{Usage: []*csi.VolumeUsage{
		usage(csi.VolumeUsage_BYTES, int64(found.Blocks)*block, int64(found.Bfree)*block, int64(found.Bavail)*block),
		usage(csi.VolumeUsage_INODES, int64(found.Files), int64(found.Ffree), int64(found.Ffree)),
	}}, nil
}

"""On a real control plane: `make test-openstack`. What is stock in it: tools/mini_openstack/README.md."""

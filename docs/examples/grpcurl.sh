# The local listener has reflection: no .proto is needed.
grpcurl -plaintext -unix "${HCSROUTE_ADDRESS#unix://}" list
grpcurl -plaintext -unix -d '{"selector": {"interface": "Port3", "destination": "192.168.21.0/24"}}' \
    "${HCSROUTE_ADDRESS#unix://}" hcsroute.v1.RouteService/GetRoute
grpcurl -plaintext -unix -d '{"address": "192.168.21.15"}' \
    "${HCSROUTE_ADDRESS#unix://}" hcsroute.v1.RouteService/ExplainRoute
grpcurl -plaintext -unix -d '{"selector": {"interface": "Port3", "destination": "192.168.21.0/24"}, "acknowledgement": "ACKNOWLEDGEMENT_PROGRAMMED"}' \
    "${HCSROUTE_ADDRESS#unix://}" hcsroute.v1.RouteService/RemoveRoute

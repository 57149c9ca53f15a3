"""Lists the custom routes and where each is programmed.

Stubs: protoc -I proto --python_out=OUT --grpc_python_out=OUT \
       --plugin=protoc-gen-grpc_python=$(which grpc_python_plugin) \
       proto/hcsroute/v1/*.proto proto/google/api/*.proto
"""
import os

import grpc
from hcsroute.v1 import route_pb2, route_service_pb2, route_service_pb2_grpc

channel = grpc.insecure_channel(os.environ["HCSROUTE_ADDRESS"])
routes = route_service_pb2_grpc.RouteServiceStub(channel)

page = ""
while True:
    answer = routes.ListRoutes(route_service_pb2.ListRoutesRequest(page_token=page), timeout=10)
    for route in answer.routes:
        state = route_pb2.State.Name(route.state).removeprefix("STATE_")
        print(route.destination, "via", route.next_hop, "on", route.interface, state)
    page = answer.next_page_token
    if not page:
        break

try:
    routes.RemoveRoute(
        route_service_pb2.RemoveRouteRequest(
            selector=route_pb2.RouteSelector(interface="Port3", destination="192.168.99.0/24")
        ),
        timeout=10,
    )
except grpc.RpcError as error:
    # Match on the reason, never on text. It is missing where no answer came.
    reason = dict(error.trailing_metadata() or ()).get("hcsroute-reason")
    print("refused:", reason or error.code().name)

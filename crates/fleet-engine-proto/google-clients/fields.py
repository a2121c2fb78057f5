"""Compares the .proto files here with the descriptors inside Google's own Python clients: names, numbers, types, methods.

Run as the README says. Exits with 1 if anything differs.
"""

import sys

from google.maps import fleetengine_delivery_v1, fleetengine_v1
from google.protobuf import descriptor_pb2, descriptor_pool

OURS = sys.argv[1]


def googles_messages():
    """Every message of the two clients by full name, nested ones included."""
    found = {}
    for package in (fleetengine_v1, fleetengine_delivery_v1):
        for name in dir(package):
            cls = getattr(package, name)
            if hasattr(cls, "pb") and isinstance(cls, type) and hasattr(cls, "meta"):
                queue = [cls.pb(cls()).DESCRIPTOR]
                while queue:
                    message = queue.pop()
                    found[message.full_name] = message
                    queue.extend(message.nested_types)
    return found


def googles_methods():
    """Every RPC path of the two clients, read off their transports."""
    from google.maps.fleetengine_delivery_v1.services.delivery_service.transports import DeliveryServiceGrpcTransport
    from google.maps.fleetengine_v1.services.trip_service.transports import TripServiceGrpcTransport
    from google.maps.fleetengine_v1.services.vehicle_service.transports import VehicleServiceGrpcTransport
    import grpc

    paths = set()

    class Recorder:
        """Stands in for a channel and notes which paths are asked of it."""

        def unary_unary(self, path, **_):
            paths.add(path)

    for transport in (VehicleServiceGrpcTransport, TripServiceGrpcTransport, DeliveryServiceGrpcTransport):
        made = transport(channel=grpc.insecure_channel("localhost:1"))
        # Asked for once already, when it was made.
        made._stubs.clear()
        made._logged_channel = Recorder()
        for name in dir(type(made)):
            if isinstance(getattr(type(made), name), property):
                try:
                    getattr(made, name)
                except AttributeError:
                    pass
    return {path for path in paths if path.startswith("/maps.fleetengine.")}


def bare(name):
    """Google's Python classes call a field `type` `type_`."""
    return name.removesuffix("_")


def main():
    files = descriptor_pb2.FileDescriptorSet.FromString(open(OURS, "rb").read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    google, methods = googles_messages(), googles_methods()
    messages = fields = values = 0
    wrong, our_methods = [], set()

    def compare_enum(ours, theirs):
        nonlocal values
        known = {value.name: value.number for value in theirs.values}
        for value in ours.values:
            values += 1
            if known.get(value.name) != value.number:
                wrong.append(f"{ours.full_name}.{value.name} = {value.number}, Google has {known.get(value.name)}")

    def compare(ours):
        nonlocal messages, fields
        messages += 1
        theirs = google.get(ours.full_name)
        if theirs is None:
            wrong.append(f"{ours.full_name} is no message of Google's")
            return
        known = {bare(field.name): field for field in theirs.fields}
        for field in ours.fields:
            fields += 1
            other = known.get(field.name)
            if other is None:
                wrong.append(f"{field.full_name} is no field of Google's")
                continue
            kind = lambda f: (f.number, f.type, f.is_repeated, f.message_type and f.message_type.full_name,
                              f.enum_type and f.enum_type.full_name)
            if kind(field) != kind(other):
                wrong.append(f"{field.full_name} is {kind(field)}, Google has {kind(other)}")
            elif field.enum_type:
                compare_enum(field.enum_type, other.enum_type)
        for nested in ours.nested_types:
            compare(nested)

    for file in files.file:
        if not file.package.startswith("maps.fleetengine"):
            continue
        found = pool.FindFileByName(file.name)
        for message in found.message_types_by_name.values():
            compare(message)
        for service in found.services_by_name.values():
            our_methods |= {f"/{service.full_name}/{method.name}" for method in service.methods}
    wrong += [f"{path} is missing here" for path in sorted(methods - our_methods)]
    wrong += [f"{path} is unknown to Google's clients" for path in sorted(our_methods - methods)]
    print(f"{messages} messages, {fields} fields, {values} enum values, {len(our_methods)} methods compared")
    for line in wrong:
        print("WRONG", line)
    return 1 if wrong or not fields or not methods else 0


sys.exit(main())

"""The wire schema's Python classes."""
from wire_schema import converge_pb2

StreamFrame = converge_pb2.StreamFrame
Payload = converge_pb2.Payload
WorkerRequest = converge_pb2.WorkerRequest
WorkerReply = converge_pb2.WorkerReply

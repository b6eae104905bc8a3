"""A worker takes a task and is entered as its owner in one step of Redis.

As released, BRPOP hands the task out and the worker enters it afterwards: a worker that is killed
in between, or whose connection breaks, takes the task with it, and its run stays `running`. A
script leaves no such moment, and cannot wait; so an idle worker asks again, ever more rarely.
"""
import time

from kombu.asynchronous import get_event_loop

import es_ledger
from es_redis import UNAVAILABLE, wraps

# How long an idle worker waits before it asks again: doubles from the first to the last.
FIRST_PAUSE, LAST_PAUSE = 0.01, 0.25

# Entered before it is taken: a Redis that is full refuses the first and still has the task. What is
# no message of kombu's is handed out as it is, like by BRPOP.
TAKE = """
for i = 4, #KEYS do
  local task = redis.call('LINDEX', KEYS[i], -1)
  if task then
    local read, message = pcall(cjson.decode, task)
    local properties = read and type(message) == 'table' and message.properties
    local tag = type(properties) == 'table' and properties.delivery_tag
    local to = tag and properties.delivery_info
    if to then
      redis.call('ZADD', KEYS[2], ARGV[2], tag)
      redis.call('HSET', KEYS[1], tag, '[' .. task .. ', ' .. cjson.encode(to.exchange) .. ', '
                                           .. cjson.encode(to.routing_key) .. ']')
      redis.call('HSET', KEYS[3], tag, ARGV[1])
    end
    redis.call('RPOP', KEYS[i])
    return {KEYS[i], task}
  end
end
return false
"""


def ask(channel):
    """For a task, if there is room for one and nobody has asked."""
    if channel.closed or not channel.active_queues or not channel.qos.can_consume():
        return
    try:
        channel.connection.cycle._register_BRPOP(channel)
    except UNAVAILABLE:
        pass  # the loop sees that, too
    except ValueError:
        pass  # the loop has ended, and what is still acknowledged makes room for nothing


def mend_taking(channel_class):
    channel_class.es_pause = FIRST_PAUSE
    channel_class.es_not_before = 0

    @wraps(channel_class, "_brpop_start")
    def _(original):
        def _brpop_start(self, *args, **kwargs):
            if not es_ledger.serves(self.qos):
                return original(self, *args, **kwargs)
            if time.monotonic() >= self.es_not_before:
                _send(self)
        return _brpop_start

    @wraps(channel_class, "_brpop_read")
    def _(original):
        def _brpop_read(self, **options):
            if not es_ledger.serves(self.qos):
                return original(self, **options)
            found = None
            try:
                with es_ledger.entered():
                    found = original(self, **options)
            finally:
                _set_pace(self, found)
            return found
        return _brpop_read


def _send(channel):
    queues = channel._queue_cycle.consume(len(channel.active_queues))
    if not queues:
        return
    keys = [channel._q_for_pri(queue, priority) for priority in channel.priority_steps
            for queue in queues]
    keys = [channel.qos.unacked_key, channel.qos.unacked_index_key, es_ledger.OWNERS, *keys]
    channel._in_poll = channel.client.connection
    channel._in_poll.send_command("EVAL", TAKE, len(keys), *keys, es_ledger.keeper.owner,
                                  time.time())


def _set_pace(channel, found):
    if found:
        channel.es_pause = FIRST_PAUSE
        return
    channel.es_not_before = time.monotonic() + channel.es_pause
    hub = get_event_loop()
    if hub is not None:
        hub.call_later(channel.es_pause, ask, channel)
    channel.es_pause = min(2 * channel.es_pause, LAST_PAUSE)

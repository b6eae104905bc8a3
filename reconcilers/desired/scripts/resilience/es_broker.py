"""The worker's main process keeps its consumer when connections to Redis break.

As released, a broken connection restarts the consumer, which gives back every task, also those that
its children go on with: each runs twice. And an error reply while roles change ends the process.
Here the connection is made anew in place, waiting for a master, and what was delivered stays so.
"""
import logging
import os
import select
import time
from queue import Empty

from kombu.asynchronous import get_event_loop
from redis.exceptions import ResponseError

import es_ledger
import es_take
from es_redis import UNAVAILABLE, Patience, is_full, wraps

log = logging.getLogger("resilience")

# A request for a task is answered within a second, if there is somebody to answer.
SILENCE_SECONDS = 20
CLIENTS = {"BRPOP": "client", "LISTEN": "subclient"}


def mend_transport(module):
    _mend_poller(module.MultiChannelPoller)
    es_take.mend_taking(module.Channel)
    _mend_channel(module.Channel)
    _mend_ledger(module.QoS)


def _client(channel, kind):
    return channel.__dict__.get(CLIENTS[kind])  # made by the first access, which is not ours


def _stop_hearing(cycle, sock):
    number = sock.fileno()
    if cycle._fd_to_chan.pop(number, None) is None:
        return
    hub = get_event_loop()
    if hub is not None and hub.poller is cycle.poller:
        hub.remove(number)
    else:
        cycle.poller.unregister(number)


def _drop(cycle, channel, kind):
    """What the channel asks for next, it asks on a new connection."""
    client = _client(channel, kind)
    cycle._chan_to_sock.pop((channel, client, kind), None)
    if client is not None and client.connection is not None:
        client.connection.disconnect()
    if kind == "BRPOP":
        channel._in_poll = None
    else:
        channel._in_listen = None


def _is_silent(channel):
    """Whether an answer is overdue. One that has arrived, while this process had no time to read
    it, may be a task."""
    if not channel._in_poll or time.monotonic() - channel.es_asked < SILENCE_SECONDS:
        return False
    sock = channel.client.connection._sock
    return sock is None or not select.select([sock], [], [], 0)[0]


def _leave_former_master(cycle):
    """Nothing is due on a subscription, so that one to a server that hangs is told from a quiet one
    only by whom the Sentinels name. Whoever is subscribed to the former master hears no command."""
    listening = [(channel, channel.subclient) for channel in list(cycle._channels)
                 if channel._in_listen and hasattr(channel.subclient.connection_pool,
                                                   "get_master_address")]
    if not listening:
        return
    try:
        master = listening[0][1].connection_pool.get_master_address()
    except UNAVAILABLE:
        return
    for channel, client in listening:
        if (client.connection.host, client.connection.port) != master:
            log.warning("Redis: the master is another one now, subscribing there")
            _drop(cycle, channel, "LISTEN")


def _mend_poller(poller):
    def waiting(kind):
        def make(original):
            def register(self, channel):
                patience = Patience()
                while True:
                    try:
                        return original(self, channel)
                    except UNAVAILABLE as error:
                        _drop(self, channel, kind)
                        patience.wait(error)
            return register
        return make

    def on_readable(self, fileno):
        """What has come is read also by a worker that has no slot free, or the loop would spin until
        one is: commands, the end of a connection."""
        channel, kind = self._fd_to_chan[fileno]
        channel.handlers[kind]()

    poller.on_readable = on_readable
    wraps(poller, "_register_BRPOP")(waiting("BRPOP"))
    wraps(poller, "_register_LISTEN")(waiting("LISTEN"))

    @wraps(poller, "maybe_restore_messages")
    def _(original):
        def maybe_restore_messages(self):
            for channel in list(self._channels):
                if _is_silent(channel):
                    log.warning("Redis: no answer for %d s, connecting again", SILENCE_SECONDS)
                    _drop(self, channel, "BRPOP")
            _leave_former_master(self)
            try:
                return original(self)
            except UNAVAILABLE as error:
                log.warning("Redis: %s", error)
        return maybe_restore_messages


def _heard_until_closed(channel, connection_class):
    """A child that was forked meanwhile has the socket, too. So when it is closed here it stays in
    epoll, ready to read for ever, under a number that the next connection gets, and can no longer be
    taken out: each event of it would be a read on a connection that has nothing to say."""
    class Connection(connection_class):
        def disconnect(self):
            transport = channel.connection
            if self._sock is not None and self.pid == os.getpid() and transport is not None:
                _stop_hearing(transport.cycle, self._sock)
            super().disconnect()
    return Connection


def _mend_channel(channel_class):
    channel_class.es_asked = 0
    channel_class.es_patience = None
    channel_class.es_is_full = False

    @wraps(channel_class, "_connparams")
    def _(original):
        def _connparams(self, asynchronous=False):
            parameters = original(self, asynchronous)
            if asynchronous:
                parameters["connection_class"] = _heard_until_closed(
                    self, parameters["connection_class"])
            return parameters
        return _connparams

    def lost(channel, kind, error):
        if channel.connection is None:
            raise error  # by what a message led to; the channel was closed meanwhile
        _drop(channel.connection.cycle, channel, kind)
        channel.es_patience = channel.es_patience or Patience()
        # After the time, the consumer starts anew, as without this module.
        channel.es_patience.wait(error)
        raise Empty()

    def refused(channel, error):
        """It hands out nothing, because it could not note to whom. The tasks stay queued."""
        if not channel.es_is_full:
            log.warning("Redis: %s; no task is taken until there is room", error)
        channel.es_is_full = True

    def answered(channel):
        channel.es_is_full = False
        if channel.es_patience is not None:
            channel.es_patience.succeeded()
            channel.es_patience = None

    @wraps(channel_class, "_brpop_start")
    def _(original):
        def _brpop_start(self, *args, **kwargs):
            self.es_asked = time.monotonic()
            return original(self, *args, **kwargs)
        return _brpop_start

    @wraps(channel_class, "_brpop_read")
    def _(original):
        def _brpop_read(self, **options):
            try:
                answer = original(self, **options)
            except Empty:
                answered(self)
                raise
            except ResponseError as error:
                if not is_full(error):
                    raise
                refused(self, error)
                raise Empty()
            except UNAVAILABLE as error:
                if self.client.connection and self.client.connection._sock is not None:
                    raise  # of what was done with the message, not of the connection
                lost(self, "BRPOP", error)
            answered(self)
            return answer
        return _brpop_read

    @wraps(channel_class, "_receive")
    def _(original):
        def _receive(self):
            try:
                answer = original(self)
            except UNAVAILABLE as error:
                lost(self, "LISTEN", error)
            answered(self)
            return answer
        return _receive


def _mend_ledger(qos):
    """Who has which task is written beside the tasks, see es_ledger."""
    qos.append = es_ledger.append
    qos.restore_by_tag = es_ledger.restore_by_tag

    @wraps(qos, "_remove_from_indices")
    def _(original):
        def _remove_from_indices(self, delivery_tag, pipe=None):
            return original(self, delivery_tag, pipe).hdel(es_ledger.OWNERS, delivery_tag)
        return _remove_from_indices

    wraps(qos, "ack")(es_ledger.acknowledging)

    @wraps(qos, "ack")
    def _(original):
        def ack(self, delivery_tag):
            original(self, delivery_tag)
            # There is room for a task. The loop would see that when it next has something to do, or
            # after a second or two.
            if es_ledger.serves(self):
                es_take.ask(self.channel)
        return ack

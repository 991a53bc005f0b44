"""Publishing and unpublishing a pod's volume: each step may be the last before a crash, and all are repeated."""

import logging
import threading
from collections.abc import Mapping

from noteyard.s3_mount.driver import volume_mount
from noteyard.s3_mount.driver.handover import Handover
from noteyard.s3_mount.driver.options import Options
from noteyard.s3_mount.driver.state_files import StateFiles
from noteyard.s3_mount.driver.volumes import Refused, Volume, checked_id, checked_target, volume_from

log = logging.getLogger(__name__)


class Publishing:
    """The node's volumes: state files say which, the kernel has them, the handover listens in them."""

    def __init__(self, options: Options, handover: Handover) -> None:
        self._pods = options.pods
        self._state = StateFiles(options.state, options.pods)
        self._handover = handover
        self._lock = threading.Lock()

    def publish(self, id: str, target: str, attributes: Mapping[str, str]) -> None:
        """Raises Refused, and OSError when the kernel does not do it."""
        volume = volume_from(id, target, attributes, self._pods)
        with self._lock:
            noted = self._state.find(volume.id)
            if noted is not None and noted != volume:
                raise Refused(f"The volume {volume.id} is published already, with another target or other attributes.")
            self._state.note(volume)
            volume_mount.make(volume)
            self._handover.listen(volume)
        log.info("%s is published at %s", volume.id, volume.target)

    def unpublish(self, id: str, target: str) -> None:
        """Fine when there is nothing. Raises Refused, and OSError."""
        checked_id(id)
        with self._lock:
            self._handover.leave(id)
            volume_mount.remove(checked_target(target, self._pods))
            self._state.forget(id)
        log.info("%s is taken away", id)

    def resume(self) -> None:
        """Listen again in all volumes that are there. What is noted and not there, the kubelet publishes anew."""
        for volume in self._state.all():
            if volume_mount.is_made(volume):
                self._resume(volume)
            else:
                self._state.forget(volume.id)

    def _resume(self, volume: Volume) -> None:
        try:
            volume_mount.make(volume)
            self._handover.listen(volume)
        except OSError as error:
            # One pod's volume keeps no other's from being served.
            log.error("%s can't be taken up again: %s", volume.id, error)

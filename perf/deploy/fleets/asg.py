"""An Auto Scaling group: its instances are the nodes; what runs on each is set by SSM, where asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from perf.deploy.errors import FleetError
from perf.deploy.fleet import State, fleet_of
from perf.deploy.fleets.aws import asked, awaited, permissions
from perf.deploy.fleets.ssm import NodeCommand, harmless
from perf.deploy.looks.look import note
from perf.pipeline import Finding, Fleet, Pipeline

if TYPE_CHECKING:
    from types_boto3_autoscaling import AutoScalingClient

#: By which policies scale a group.
ALARMS = "AlarmNotification"
#: What would change the group while a case runs.
SILENCED = (ALARMS, "AZRebalance", "ReplaceUnhealthy", "ScheduledActions")
#: What a change of the group needs.
_NEEDED = ("Launch", "Terminate")
#: EC2 sets this tag on each instance of a group.
_TAG = "aws:autoscaling:groupName"


class AsgFleet:
    """See perf.deploy.fleet.KeptControl.

    Args:
        client: of EC2 Auto Scaling.
        group: what the group is called.
        nodes: what sets the workers of each instance; None = each has what it comes up with.
        pipeline: where the workers report.
        deadline_s: how long instances may take to be in service.
    """

    poll_s = 5.0

    def __init__(
        self,
        client: AutoScalingClient,
        group: str,
        nodes: NodeCommand | None,
        pipeline: Pipeline,
        deadline_s: float,
    ) -> None:
        self.name = f"asg:{group}"
        self.description = f"the Auto Scaling group {group}"
        self._client = client
        self._group = group
        self._nodes = nodes
        self._pipeline = pipeline
        self._deadline_s = deadline_s

    def found(self) -> Fleet:
        """See FleetControl."""
        return fleet_of(self._pipeline.workers())

    def state(self) -> State:
        """See KeptControl.

        Raises:
            FleetError: instances run unlike numbers of workers, which cannot be put back by the group.
        """
        group, workers = self._described(), self._pipeline.workers()
        if len({each.node for each in workers}) != (fleet := fleet_of(workers)).nodes:
            raise FleetError(
                f"the nodes of {self.description} run unlike numbers of workers: make them alike"
            )
        return {
            "min": group["MinSize"],
            "max": group["MaxSize"],
            "desired": group["DesiredCapacity"],
            "suspended": _suspended(group),
            "per_node": fleet.per_node if self._nodes else None,
        }

    def scale(self, fleet: Fleet) -> None:
        """Set the group, wait until its instances are in service, then set the workers of each.

        Raises:
            FleetError: the group or a node failed, with its own reason, or took too long.
        """
        group = self._described()
        self._require_settable(fleet)
        if silenced := [each for each in SILENCED if each not in _suspended(group)]:
            with asked(f"suspend processes of {self.description}", "autoscaling"):
                self._client.suspend_processes(AutoScalingGroupName=self._group, ScalingProcesses=silenced)
        if fleet.total or self._nodes is None:
            least, most = min(group["MinSize"], fleet.nodes), max(group["MaxSize"], fleet.nodes)
            self._resize(group, least, most, fleet.nodes)
        self._set_nodes(fleet.per_node)

    def _require_settable(self, fleet: Fleet) -> None:
        here = {each.concurrency for each in self._pipeline.workers()}
        if self._nodes is None and fleet.total and here - {fleet.per_node}:
            raise FleetError(
                f"{self.description} sets nodes alone, and each runs {', '.join(map(str, sorted(here)))} at "
                f"a time, not {fleet.per_node}: let PERF_WORKER_COMMAND, run on each node by SSM, set "
                "{per_node}; or give --concurrency"
            )

    def put_back(self, state: State) -> None:
        """See KeptControl: min, max and desired, the workers of each node, the processes.

        Raises:
            FleetError: one of them failed, or what sets the workers of each node is not known here.
        """
        if state["per_node"] is not None and self._nodes is None:
            raise FleetError(
                "the workers of each node were set by PERF_WORKER_COMMAND: set it as that run had it"
            )
        group = self._described()
        with ExitStack() as stack:  # each is tried, also after one that fails
            stack.callback(self._resume, state["suspended"])
            if state["per_node"] is not None:
                stack.callback(self._set_nodes, state["per_node"])
            self._resize(group, state["min"], state["max"], state["desired"])

    def _resume(self, found: list[str]) -> None:
        """The processes that were silenced here, and no others."""
        ours = [each for each in _suspended(self._described()) if each in SILENCED and each not in found]
        if ours:
            with asked(f"resume processes of {self.description}", "autoscaling"):
                self._client.resume_processes(AutoScalingGroupName=self._group, ScalingProcesses=ours)

    def _resize(self, group: Mapping[str, Any], least: int, most: int, nodes: int) -> None:
        what = f"set {self.description} to {nodes} instance(s)"
        if stopped := [each for each in _NEEDED if each in _suspended(group)]:
            if (group["MinSize"], group["MaxSize"], len(group["Instances"])) == (least, most, nodes):
                return
            raise FleetError(f"tried to {what}: its process {stopped[0]} is suspended: resume it")
        with asked(what, "autoscaling"):
            before = {each["ActivityId"] for each in self._activities()}
        done = False

        def lacks() -> str:  # is asked again where another change is still under way
            nonlocal done
            if not done:
                self._client.update_auto_scaling_group(
                    AutoScalingGroupName=self._group, MinSize=least, MaxSize=most, DesiredCapacity=nodes
                )
                done = True
            return self._lacks(nodes, before)

        awaited(what, "autoscaling", lacks, self._deadline_s, self.poll_s)

    def _lacks(self, nodes: int, before: set[str]) -> str:
        """Which instances are not yet as they should be.

        Raises:
            FleetError: one could not be started.
        """
        for each in self._activities():
            if each["ActivityId"] not in before and each["StatusCode"] == "Failed":
                why = each.get("StatusMessage") or each.get("Cause", "no reason was given")
                raise FleetError(f"{self.description} could not be set to {nodes} instance(s): {why}")
        instances = self._read()["Instances"]
        states = [each["LifecycleState"] for each in instances]
        if states == ["InService"] * nodes:
            return ""
        return f"of {nodes} instance(s) there are {', '.join(sorted(states)) or 'none'}"

    def _set_nodes(self, per_node: int) -> None:
        """Run the command on each instance, once SSM reaches all of them: a new one takes a while."""
        if self._nodes is None:
            return
        nodes, online = self._nodes, dict[str, str]()
        there = {each["InstanceId"] for each in self._described()["Instances"]}

        def lacks() -> str:
            online.update(nodes.online(_TAG, self._group))
            silent = sorted(there - online.keys())
            return f"SSM does not reach {', '.join(silent)}" if silent else ""

        awaited(f"reach the nodes of {self.description}", "ssm", lacks, self._deadline_s, self.poll_s)
        nodes.run(dict.fromkeys(sorted(there), per_node))

    def hold(self) -> None:
        """What would take instances away is suspended already, where the group was set."""

    @contextmanager
    def by_itself(self) -> Iterator[None]:
        """See KeptControl: alarms are heard again."""
        alarms = [ALARMS]
        with asked(f"let alarms scale {self.description}", "autoscaling"):
            self._client.resume_processes(AutoScalingGroupName=self._group, ScalingProcesses=alarms)
        try:
            yield
        finally:
            with asked(f"let alarms scale {self.description} no more", "autoscaling"):
                self._client.suspend_processes(AutoScalingGroupName=self._group, ScalingProcesses=alarms)

    def stop(self) -> None:
        """Nothing was started here that is not put back."""

    def look(self) -> Iterator[Finding]:
        """Whether it is there and can be changed, and what these credentials may do."""
        group = self._described()
        if stopped := [each for each in _NEEDED if each in _suspended(group)]:
            yield note(
                "fleet", f"{self.description}: its process {stopped[0]} is suspended: no size can be set"
            )
        lacking = list(permissions("autoscaling", self._harmless()))
        if self._nodes and group["Instances"]:
            calls = harmless(self._nodes.client, group["Instances"][0]["InstanceId"])
            lacking += permissions("ssm", calls)
        yield from lacking
        if not lacking:
            size = f"{len(group['Instances'])} instance(s), {group['MinSize']} to {group['MaxSize']}"
            yield Finding("fleet", f"{self.description}: {size}; may be set, as far as can be asked")

    def _harmless(self) -> Iterator[Callable[[], object]]:
        """Calls that change nothing: no size is given, and no process is called so."""
        client, group = self._client, self._group
        yield lambda: client.update_auto_scaling_group(AutoScalingGroupName=group)
        yield lambda: client.resume_processes(AutoScalingGroupName=group, ScalingProcesses=["NoSuch"])
        yield lambda: client.describe_scaling_activities(AutoScalingGroupName=group, MaxRecords=1)

    def _described(self) -> Mapping[str, Any]:
        with asked(f"look at {self.description}", "autoscaling"):
            return self._read()

    def _read(self) -> Mapping[str, Any]:
        found = self._client.describe_auto_scaling_groups(AutoScalingGroupNames=[self._group])
        if not found["AutoScalingGroups"]:
            raise FleetError(
                f"there is no Auto Scaling group {self._group}: correct PERF_WORKERS or AWS_REGION"
            )
        return found["AutoScalingGroups"][0]

    def _activities(self) -> list[Any]:
        found = self._client.describe_scaling_activities(AutoScalingGroupName=self._group, MaxRecords=20)
        return list(found["Activities"])


def _suspended(group: Mapping[str, Any]) -> list[str]:
    return sorted(each["ProcessName"] for each in group.get("SuspendedProcesses", ()))

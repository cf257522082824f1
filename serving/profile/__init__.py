"""The 360° view of a customer, one file per topic; each part is a function of the timeline."""

from serving.profile.known import Known
from serving.profile.profile import Profile
from serving.profile.profiles import Profiles

__all__ = ["Known", "Profile", "Profiles"]

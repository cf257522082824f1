"""Personas: up to four groups of customers by what they do, found again when trained again."""

from models.personas.model import Personas
from models.personas.persona import Persona
from models.personas.traits import TRAITS

__all__ = ["TRAITS", "Persona", "Personas"]

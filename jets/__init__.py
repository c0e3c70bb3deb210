"""Candidates → jets: clustering, substructure, truth matching."""

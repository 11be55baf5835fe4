"""Rendering only: files, terminal, Allure. Computes nothing."""

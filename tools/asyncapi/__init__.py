"""The AsyncAPI document of the events, and the page that shows it; made from the schemas and the code."""

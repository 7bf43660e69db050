# The fake Trophy in a container: docker build -t fake-trophy . && docker run -p 127.0.0.1:8080:8080 fake-trophy
FROM python:3.12-slim

WORKDIR /app
COPY pyproject.toml README.md openapi.json ./
COPY mockserver mockserver
COPY contract_tests contract_tests
COPY fixtures fixtures
RUN pip install --no-cache-dir '.[farm]'

USER nobody
WORKDIR /tmp
# Reachable from outside the container, so the control plane wants a token; without one it prints a token of its own.
ENV MOCKSERVER_HOST=0.0.0.0
EXPOSE 8080
HEALTHCHECK --interval=2s --timeout=2s --retries=15 \
  CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/_mock/health')"

ENTRYPOINT ["mockserver"]
CMD ["serve"]

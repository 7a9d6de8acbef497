/** Swagger UI's own script puts this there. */
interface Window {
  SwaggerUIBundle: (options: Record<string, unknown>) => unknown;
}
